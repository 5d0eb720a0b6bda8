"""Kept teachers and evaluators that a recipe takes over: complete, of the right kind, and copied so that a run has its own."""

import json
import shutil
from pathlib import Path

from stillhouse_models.recipe import RecipeError
from stillhouse_models.sources.sprites import SpriteSet

TEACHER_PARTS = (
    "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json", "text_encoder/diffusion_pytorch_model.safetensors", "tokenizer/tokenizer.json",
)  # fmt: skip
EVALUATOR = "evaluator.safetensors"
PICTURE_CHANNELS = 3


def take_teacher(folder: Path, sprites: SpriteSet, out: Path) -> None:
    """`out` appears whole or not at all. RecipeError where a part is missing or does not fit the source's pictures."""
    if fault := teacher_fault(folder, sprites):
        raise RecipeError(f"[teacher] from: {fault}")
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for part in TEACHER_PARTS:
        (fresh / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / part, fresh / part)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def teacher_fault(folder: Path, sprites: SpriteSet) -> str | None:
    if missing := [part for part in TEACHER_PARTS if not (folder / part).is_file()]:
        return f"{folder} lacks {', '.join(missing)}; expected a teacher's folder as train-teacher leaves it"
    config = json.loads((folder / "unet/config.json").read_text())
    wanted = {"in_channels": PICTURE_CHANNELS, "out_channels": PICTURE_CHANNELS, "sample_size": sprites.resolution}
    wrong = [f"{key} {config.get(key)} instead of {value}" for key, value in wanted.items() if config.get(key) != value]
    if wrong:
        return f"{folder} does not fit the pictures of {sprites.name}: {', '.join(wrong)}"
    return None


def take_evaluator(place: Path, sprites: SpriteSet, training: Path) -> None:
    """`place` is the file, or the folder that it stands in."""
    from stillhouse_models.training.judge import load_evaluator

    file = place / EVALUATOR if place.is_dir() else place
    if not file.is_file():
        raise RecipeError(f"[evaluator] from: there is no {file}")
    try:
        load_evaluator(sprites, file)
    except Exception as cause:
        raise RecipeError(f"[evaluator] from: {file} is no evaluator of {sprites.name}: {str(cause).splitlines()[0]}") from cause
    fresh = training / f"{EVALUATOR}.new"
    training.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, fresh)
    fresh.replace(training / EVALUATOR)

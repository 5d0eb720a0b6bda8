"""The finished student beside its teacher, as they were kept, on the same held-out prompts and noise; with a sheet of both."""

from pathlib import Path

import torch
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.ready_parts import EVALUATOR
from stillhouse_models.recipe import Recipe
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.training.conditions import guided_clean, token_ids
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.pictures import to_pixels
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.training.sheet import save_sheet
from stillhouse_models.weights import Painter, load_painter

SHOWN = 24
SHEET = "teacher-and-student.png"


def judge_student(recipe: Recipe, training: Path) -> dict[str, dict[str, float]]:
    """`teacher` and `student`, each with the shares of training/judge.py. Writes the sheet into `training`."""
    sprites = SOURCES[recipe.source]()
    judge = Judge(sprites, load_evaluator(sprites, training / EVALUATOR))
    painters = {"teacher": load_painter(training / "teacher"), "student": load_painter(training / "student/student")}
    settings = {"teacher": (recipe.teacher.steps, recipe.teacher.guidance), "student": (recipe.student.steps, 1.0)}
    shown: dict[str, Tensor] = {}
    shares = {}
    for name, painter in painters.items():

        def paint(texts: list[str], noise: Tensor, name: str = name, painter: Painter = painter) -> Tensor:
            shown[name] = pictures(painter.unet, painter, texts, noise, *settings[name])
            return shown[name]

        shares[name] = judge(paint)
    pixels = [to_pixels(shown[name][:SHOWN]) for name in ("teacher", "student")]
    save_sheet(pixels, [caption.text for caption in judge.captions[:SHOWN]], training / SHEET, columns=6)
    return shares


@torch.no_grad()
def pictures(unet: Denoiser, painter: Painter, texts: list[str], noise: Tensor, steps: int, guidance: float) -> Tensor:
    """[B, 3, side, side] in about -1..1."""
    ids, empty = token_ids(painter.tokenizer, texts), token_ids(painter.tokenizer, [""])
    return sample(lambda x, t: guided_clean(unet, painter.encoder, x, t, ids, empty, guidance), noise, sigmas(steps))

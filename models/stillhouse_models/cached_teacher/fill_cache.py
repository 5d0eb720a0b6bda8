"""A teacher's answers on disk, so that neither it nor its text encoders are in memory while a student learns from them.

CACHE/plan.json                         what is in it, and the prompts
CACHE/texts-00000.safetensors           context, lengths, pooled
CACHE/latents-00000.safetensors         states, levels
CACHE/vae/                              to look at latents as pictures
"""

import gc
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from stillhouse_models.cached_teacher.cache_plan import TEXTS_A_SHARD, CachePlan, plan_cache
from stillhouse_models.cached_teacher.encode_prompts import NEGATIVE, encode_prompts
from stillhouse_models.cached_teacher.latent_cache import PLAN
from stillhouse_models.cached_teacher.load_parts import load_painting_side
from stillhouse_models.cached_teacher.paint_latents import noise_of, paint_latents
from stillhouse_models.cached_teacher.read_prompts import read_prompts
from stillhouse_models.cached_teacher.shards import is_whole, require_room, shard_file, write_shard
from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder, read_teacher
from stillhouse_models.faults import RefusedError, ToolkitError
from stillhouse_models.recipe import Recipe, RecipeError
from stillhouse_models.training.compute_device import device_of
from stillhouse_models.watch import Watch

# The folder's name in a run's training folder.
CACHE = "cache"


def planned(recipe: Recipe) -> tuple[TeacherFolder, list[str], CachePlan]:
    """What filling the recipe's cache would make. RecipeError where teacher, prompts and student do not go together."""
    wanted = recipe.teacher
    if wanted.diffusers is None or wanted.prompts is None:
        raise RecipeError("[teacher] names no diffusers folder with prompts: there is nothing to cache")
    teacher, prompts = read_teacher(wanted.diffusers, wanted.text_length), read_prompts(wanted.prompts)
    latents, finest = teacher.scale * teacher.kind.packed, recipe.student.patch * 2 ** (len(recipe.student.channels) - 1)
    if wanted.size % latents:
        raise RecipeError(f"[teacher] size is {wanted.size}; a {teacher.pipeline} of this folder makes multiples of {latents}")
    if wanted.size // teacher.scale % finest:
        raise RecipeError(
            f"[student]: latents of {wanted.size // teacher.scale} a side cannot be halved evenly to its coarsest level: patch "
            f"times 2 for each level after the first is {finest}: take a smaller patch, fewer channels or another size"
        )
    return teacher, prompts, plan_cache(teacher, len(prompts), wanted, recipe.seed)


def fill_cache(recipe: Recipe, cache: Path, watch: Watch) -> CachePlan:
    """Shards that are whole are not made again. StoppedError, between two shards, where the watch asks for it."""
    teacher, prompts, plan = planned(recipe)
    device = device_of(recipe.device)
    watch.say(f"cache: {plan.words()}")
    _note_plan(plan, prompts, cache)
    require_room(cache, plan.bytes() - _bytes_there(cache))
    _keep_decoder(teacher, cache)

    def before_each(what: str) -> Callable[[int, int], None]:
        def told(done: int, total: int) -> None:
            watch.stop_if_asked(f"{done} of {total} {what} are in {cache}")
            watch.tell("cache", done, total, what, {})

        return told

    encode_prompts(teacher, plan, prompts, cache, before_each("prompts"), device)
    gc.collect()
    _paint(teacher, plan, prompts, cache, before_each("pictures"), device)
    return plan


def _paint(
    teacher: TeacherFolder, plan: CachePlan, prompts: list[str], cache: Path, before_each: Callable[[int, int], None],
    device: torch.device,
) -> None:  # fmt: skip
    starts = range(0, plan.pictures, plan.pictures_a_shard)
    todo = [start for start in starts if not is_whole(shard_file(cache, "latents", start // plan.pictures_a_shard))]
    if not todo:
        return
    pipeline, negative = load_painting_side(teacher, device), load_file(cache / NEGATIVE)
    for start in todo:
        before_each(start, plan.pictures)
        pictures = range(start, min(start + plan.pictures_a_shard, plan.pictures))
        told = texts_of(cache, [picture // plan.seeds for picture in pictures])
        noise = torch.stack([noise_of(plan, picture) for picture in pictures])
        painted = paint_latents(pipeline, teacher, plan, told, negative, noise)
        _require_numbers(painted["states"], [prompts[picture // plan.seeds] for picture in pictures], teacher)
        write_shard(shard_file(cache, "latents", start // plan.pictures_a_shard), painted)


def texts_of(cache: Path, indices: list[int]) -> dict[str, Tensor]:
    """The prompts' embeddings, in the order of `indices`."""
    shards = {number: load_file(shard_file(cache, "texts", number)) for number in {i // TEXTS_A_SHARD for i in indices}}
    rows = [(shards[i // TEXTS_A_SHARD], i % TEXTS_A_SHARD) for i in indices]
    return {name: torch.stack([shard[name][row] for shard, row in rows]) for name in rows[0][0]}


def _note_plan(plan: CachePlan, prompts: list[str], cache: Path) -> None:
    file, fresh = cache / PLAN, cache / f"{PLAN}.new"
    noted: dict[str, Any] = {"plan": plan.as_json(), "prompts": prompts}
    if file.exists():
        before: dict[str, Any] = json.loads(file.read_text())
        if before != noted:
            changed = [key for key, value in noted["plan"].items() if before["plan"].get(key) != value] or ["prompts"]
            raise RefusedError(
                f"{cache} was begun with another recipe ({', '.join(changed)} changed): go on with that one, or begin in "
                "another folder"
            )
        return
    cache.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps(noted, indent=1) + "\n")
    os.replace(fresh, file)


def _keep_decoder(teacher: TeacherFolder, cache: Path) -> None:
    if not (cache / "vae").exists():
        shutil.rmtree(cache / "vae.new", ignore_errors=True)
        shutil.copytree(teacher.folder / "vae", cache / "vae.new")
        (cache / "vae.new").rename(cache / "vae")


def _bytes_there(cache: Path) -> int:
    return sum(file.stat().st_size for file in cache.glob("*.safetensors"))


def _require_numbers(states: Tensor, prompts: list[str], teacher: TeacherFolder) -> None:
    wrong = [prompt for prompt, state in zip(prompts, states, strict=True) if not torch.isfinite(state).all()]
    if wrong:
        raise ToolkitError(
            f"{teacher.folder}: the teacher's latents for {wrong[0]!r} are no numbers ({len(wrong)} of {len(prompts)}). "
            "Nothing of this shard was kept: take other steps or guidance, or leave the prompt out"
        )

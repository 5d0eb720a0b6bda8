"""The finished student of a cached teacher, from the teacher's noise for held-out prompts; with a sheet of both."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stillhouse_models.cached_teacher.fill_cache import CACHE
from stillhouse_models.cached_teacher.latent_cache import LatentCache
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.recipe import Recipe
from stillhouse_models.training.cached_judge import CachedJudge
from stillhouse_models.training.cached_school import CachedSchool
from stillhouse_models.training.sampling import sample
from stillhouse_models.training.sheet import save_sheet

SHOWN = 24
SHEET = "teacher-and-student.png"


def judge_cached(recipe: Recipe, training: Path) -> None:
    """Writes judged.json and the sheet into `training`."""
    cache = LatentCache(training / CACHE)
    judge, school = CachedJudge(cache, recipe.teacher.held_out), CachedSchool(cache, recipe)
    student = load_student(recipe, training)
    painted: list[Tensor] = []

    def paint(texts: list[str], noise: Tensor) -> Tensor:
        context = school.context(texts)
        painted.append(sample(lambda x, t: student.clean(x, t, context), noise, school.levels))
        return painted[-1]

    judged = {"student": judge(paint) | {"parameters": sum(p.numel() for p in student.parameters())}}
    sets = [judge.shown(latents[:SHOWN]) for latents in (judge.wanted, painted[0])]
    save_sheet(sets, judge.prompts[:SHOWN], training / SHEET, columns=6)
    (training / "judged.json").write_text(json.dumps(judged, indent=1) + "\n")


def load_student(recipe: Recipe, training: Path) -> Denoiser:
    kind: Any = FAMILIES[recipe.student.family]
    student: Denoiser = kind.from_pretrained(
        training / "student/student/unet", torch_dtype=torch.float32, low_cpu_mem_usage=False
    )
    return student.eval()

"""Begin a student with those of its teacher's channels that matter most."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.losses.mse import mse
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.recipe import RecipeError
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.start.begin_with import begin_with
from stillhouse_models.start.importance import l1_importance, taylor_importance
from stillhouse_models.start.select_channels import kept_channels, narrowed
from stillhouse_models.start.spaces import axes_of
from stillhouse_models.training.lessons import LessonPlan, draw_lesson
from stillhouse_models.weights import Painter

# Importance is an average over this many small batches; more changed the order of few channels.
BATCHES, BATCH_SIZE = 8, 16


def start_from_teacher(student: Denoiser, teacher: Painter, sprites: SpriteSet, importance: str, steps: int, seed: int) -> None:
    """`importance`: "taylor" or "l1". RecipeError where teacher and student do not correspond."""
    if not isinstance(teacher.unet, TeacherUNet):
        raise RecipeError(f"[student]: start: a student can start from a teacher-unet, not from a {type(teacher.unet).__name__}")
    if reasons := mismatches(teacher.unet.config, student.config):
        raise RecipeError("[student]: start: the student cannot start from this teacher: " + "; ".join(reasons))
    blocks = min(teacher.unet.config["num_res_blocks"], student.config["num_res_blocks"])
    wide, narrow = axes_of(teacher.unet.config), axes_of(dict(student.config) | {"num_res_blocks": blocks})
    scores = l1_importance(teacher.unet, wide) if importance == "l1" else _taylor(teacher, sprites, steps, seed)
    # What stays is chosen and cut out on the CPU, wherever it was scored.
    scores, weights = ({name: each.cpu() for name, each in given.items()} for given in (scores, teacher.unet.state_dict()))
    state = narrowed(weights, kept_channels(scores, wide, narrow), wide, narrow)
    begin_with(student, state)


def mismatches(teacher: Mapping[str, Any], student: Mapping[str, Any]) -> list[str]:
    """What keeps a student's weights from corresponding to a teacher's, by their configurations."""
    equal = ("in_channels", "out_channels", "context_channels", "sample_size", "patch")
    reasons = [f"{key} is {student[key]}, the teacher's {teacher[key]}" for key in equal if student[key] != teacher[key]]
    mine, theirs = list(student["channels"]), list(teacher["channels"])
    if len(mine) != len(theirs):
        reasons.append(f"it has {len(mine)} levels, the teacher {len(theirs)}")
    elif any(a > b for a, b in zip(mine, theirs, strict=True)):
        reasons.append(f"channels {mine} are wider than the teacher's {theirs}")
    if student["pixel_channels"] > teacher["pixel_channels"]:
        reasons.append(f"pixel_channels {student['pixel_channels']} are more than the teacher's {teacher['pixel_channels']}")
    return reasons


def _taylor(teacher: Painter, sprites: SpriteSet, steps: int, seed: int) -> dict[str, Tensor]:
    """By the error against rendered truth on scenes of its own seed, at the noise levels that the student will meet."""
    rng, network = np.random.default_rng(seed), teacher.unet
    frozen = [parameter for parameter in network.parameters() if not parameter.requires_grad]
    network.requires_grad_(True)
    try:
        errors = (_error(teacher, sprites, rng, steps) for _ in range(BATCHES))
        return taylor_importance(network, axes_of(network.config), errors)
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _error(teacher: Painter, sprites: SpriteSet, rng: np.random.Generator, steps: int) -> Tensor:
    lesson = draw_lesson(teacher, sprites, rng, LessonPlan(steps, noisy=BATCH_SIZE, asked=1))
    with torch.no_grad():
        context = teacher.encoder(lesson.ids)
    return mse(teacher.unet.clean(lesson.noisy, lesson.timestep, context), lesson.truth, lesson.timestep)

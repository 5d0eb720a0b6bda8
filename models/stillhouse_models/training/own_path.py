"""The student's own way down from pure noise, for lessons about what it makes of its earlier answers."""

from dataclasses import replace

import torch
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.training.lessons import Lesson
from stillhouse_models.training.sampling import sample, sigmas


def walked(lesson: Lesson, student: Denoiser, context: Tensor, steps: int) -> Lesson:
    """The lesson with its last `own` pictures taken down to their timestep by the student as it is now; no gradient.

    `context` [B, L, C] of the whole lesson; `steps` of the schedule that the student is trained for.
    """
    if not lesson.own or not lesson.own_steps:
        return lesson
    told, levels = context[-lesson.own :], sigmas(steps)[: lesson.own_steps + 1]
    reached = sample(lambda x, t: student.clean(x, t, told), lesson.noisy[-lesson.own :], levels)
    noisy = torch.cat([lesson.noisy[: -lesson.own], reached]).contiguous(memory_format=torch.channels_last)
    return replace(lesson, noisy=noisy)

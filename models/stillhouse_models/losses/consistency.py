"""Consistency distillation (Song et al. 2023): all points of one path have the same answer.

The student at x_t is compared with its own averaged weights one small step of the teacher further down the path.
"""

import torch
from torch import Tensor

from stillhouse_models.losses.mse import mse
from stillhouse_models.losses.paths import CleanAt, following, step_to


@torch.no_grad()
def neighbour_answer(x: Tensor, level: Tensor, teacher: Tensor, average: CleanAt, schedule: list[float]) -> Tensor:
    """`teacher` is the teacher's answer at x and level [B]. At level 0 a point is its own answer, which anchors the rest."""
    target = following(level, schedule)
    further = step_to(x, level, teacher, target)
    answer = average(further, target.clamp(min=schedule[-2]))
    return torch.where((target == 0).view(-1, 1, 1, 1), further, answer)


def consistency(answer: Tensor, x: Tensor, level: Tensor, teacher: Tensor, average: CleanAt, schedule: list[float]) -> Tensor:
    """`answer` is the student's at x [B, 3, h, w] and level [B]; the schedule is a fine one."""
    return mse(answer, neighbour_answer(x, level, teacher, average, schedule), level * 1000)

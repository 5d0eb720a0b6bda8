"""Progressive distillation (Salimans and Ho 2022): one step of the student does what two of the teacher do."""

import torch
from torch import Tensor

from stillhouse_models.losses.mse import mse
from stillhouse_models.losses.paths import CleanAt, following, one_step_answer, step_to


@torch.no_grad()
def two_step_answer(x: Tensor, level: Tensor, first: Tensor, teacher: CleanAt, schedule: list[float]) -> Tensor:
    """The answer that leads in one step where the teacher's two lead; `first` is the teacher's answer at x and level [B]."""
    target = following(level, schedule)
    middle = (level + target) / 2
    halfway = step_to(x, level, first, middle)
    return one_step_answer(x, level, step_to(halfway, middle, teacher(halfway, middle), target), target)


def progressive(answer: Tensor, x: Tensor, level: Tensor, first: Tensor, teacher: CleanAt, schedule: list[float]) -> Tensor:
    """`answer` is the student's at x [B, 3, h, w] and level [B]; the schedule is the student's own."""
    return mse(answer, two_step_answer(x, level, first, teacher, schedule), level * 1000)

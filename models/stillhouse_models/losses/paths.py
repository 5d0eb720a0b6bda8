"""Points on the way from noise to picture, for losses that compare a student with several steps of its teacher.

x_t = (1 - t) * x0 + t * noise; one Euler step from t to s with an answer x0 is x_t + (x_t - x0) / t * (s - t).
"""

from collections.abc import Callable

import torch
from torch import Tensor

# What a network answers at x [B, 3, h, w] and levels [B] in (0, 1]: the clean picture.
CleanAt = Callable[[Tensor, Tensor], Tensor]


def following(levels: Tensor, schedule: list[float]) -> Tensor:
    """For each level [B] the next lower one of a falling schedule that ends with 0."""
    steps = torch.tensor(schedule, dtype=levels.dtype).to(levels.device)
    # A level that is on the schedule but for its last bits counts as on it.
    lower = steps[None, :] < levels[:, None] - 1e-6
    return steps[lower.long().argmax(dim=1)]


def step_to(x: Tensor, level: Tensor, clean: Tensor, target: Tensor) -> Tensor:
    """One Euler step from `level` to `target`, both [B]."""
    return x + (x - clean) / _wide(level) * _wide(target - level)


def one_step_answer(x: Tensor, level: Tensor, reached: Tensor, target: Tensor) -> Tensor:
    """The answer x0 with which a single step from `level` arrives at `reached`: step_to's inverse."""
    return x - (x - reached) * _wide(level / (level - target))


def renoised(clean: Tensor, level: Tensor, noise: Tensor) -> Tensor:
    return (1 - _wide(level)) * clean + _wide(level) * noise


def _wide(levels: Tensor) -> Tensor:
    return levels.view(-1, 1, 1, 1)

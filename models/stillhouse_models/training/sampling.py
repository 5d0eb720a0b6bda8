"""Pictures from a network in torch, along the same Euler steps that devices take."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from stillhouse_models.training.compute_device import half_on

Clean = Callable[[Tensor, Tensor], Tensor]


def sigmas(steps: int) -> list[float]:
    """Noise levels from 1 down, with the final 0: what FlowMatchEulerDiscreteScheduler gives for shift 1 (see scheduler.py)."""
    lowest = 1 / 1000
    return [1 + (lowest - 1) * i / max(1, steps - 1) for i in range(steps)] + [0.0]


def even_levels(steps: int) -> list[float]:
    """As the pipelines of Flux and Z-Image tell their scheduler, whatever its own levels are; with the final 0."""
    return [1 - i / steps for i in range(steps)] + [0.0]


@torch.no_grad()
def sample(clean: Clean, noise: Tensor, levels: list[float]) -> Tensor:
    """Noise [B, 3, side, side] -> pictures of the same shape in about -1..1. `clean(x, timestep)` predicts x0."""
    x = noise
    for level, following in itertools.pairwise(levels):
        with half_on(x.device):
            picture = clean(x, torch.full((len(x),), level * 1000.0, device=x.device))
        x = x + (x - picture.float()) / level * (following - level)
    return x

"""Perceptual loss with the frozen teacher as the network that looks (Lin and Yang 2024, "Diffusion Model with Perceptual Loss"):
it sees both pictures made noisy by the same noise, and what its levels say of them should be the same."""

from collections.abc import Callable

import torch
from torch import Tensor

from stillhouse_models.losses.features import feature
from stillhouse_models.losses.paths import renoised

# What a frozen network's levels say of pictures [B, 3, h, w] at levels [B] in (0, 1]: [B, C, h', w'] each.
Look = Callable[[Tensor, Tensor], list[Tensor]]


def perceptual(painted: Tensor, wanted: Tensor, level: Tensor, noise: Tensor, look: Look) -> Tensor:
    """Clean pictures and noise [B, 3, h, w], level [B]; the mean over what `look` gives, each as a share of its own size."""
    with torch.no_grad():
        seen = look(renoised(wanted, level, noise), level)
    found = look(renoised(painted, level, noise), level)
    return torch.stack([feature(mine, theirs) for mine, theirs in zip(found, seen, strict=True)]).mean()

"""Adversarial diffusion distillation (Sauer et al. 2024): small judges on the frozen teacher's features tell rendered
pictures from a student's, both made noisy again; the hinge loss is Lim and Ye's (2017)."""

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """Features of the teacher, one [B, C, h, w] a layer -> verdicts [B, positions of all layers]; above 0 means rendered."""

    def __init__(self, channels: list[int], inner: int = 32):
        super().__init__()
        # Normalised over all channels together: within a small group the very differences that tell would go.
        self.heads = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(1, c), nn.Conv2d(c, inner, 1), nn.SiLU(), nn.Conv2d(inner, 1, 1)) for c in channels
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        return torch.cat([head(f).float().flatten(1) for head, f in zip(self.heads, features, strict=True)], dim=1)


def fooled(verdicts: Tensor) -> Tensor:
    """The student's loss: how little its pictures pass for rendered ones."""
    return -verdicts.mean()


def hinge(rendered: Tensor, painted: Tensor) -> Tensor:
    """The discriminator's loss: verdicts beyond 1 on the right side cost nothing."""
    return (1 - rendered).clamp(min=0).mean() + (1 + painted).clamp(min=0).mean()

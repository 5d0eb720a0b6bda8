"""Losses on what the levels say inside, student against teacher. Each is a mean, so that weights do not depend on the batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def feature(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance as a share of the teacher's own size (FitNets, Romero et al. 2015). [B, C, h, w] both."""
    wanted = teacher.float()
    return (student.float() - wanted).square().mean() / wanted.square().mean()


def gram(student: Tensor, teacher: Tensor) -> Tensor:
    """Distance of Gram matrices (Gatys et al. 2016): which channels fire together, wherever they do. [B, C, h, w] both."""
    return (_gram_matrix(student) - _gram_matrix(teacher)).square().sum(dim=(1, 2)).mean()


def _gram_matrix(features: Tensor) -> Tensor:
    flat = nn.functional.normalize(features.float().flatten(2), dim=1)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence of the channels' distribution at each position, softened by a temperature (Hinton et al. 2015)."""
    wanted = (teacher.float() / temperature).log_softmax(dim=1)
    given = (student.float() / temperature).log_softmax(dim=1)
    per_position = (wanted.exp() * (wanted - given)).sum(dim=1)
    return per_position.mean() * temperature**2


class Adapters(nn.Module):
    """1x1 convolutions that widen a student's features to the teacher's; only training needs them."""

    def __init__(self, student: list[int], teacher: list[int]):
        super().__init__()
        self.widen = nn.ModuleList(nn.Conv2d(s, t, 1) for s, t in zip(student, teacher, strict=True))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [widen(feature) for widen, feature in zip(self.widen, features, strict=True)]


def feature_losses(names: set[str], student: list[Tensor], teacher: list[Tensor], temperature: float) -> dict[str, Tensor]:
    """Means over the layers compared."""
    kinds: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "feature": feature,
        "gram": gram,
        "kl": lambda s, t: kl(s, t, temperature),
    }
    return {
        name: torch.stack([kinds[name](s, t) for s, t in zip(student, teacher, strict=True)]).mean()
        for name in sorted(kinds.keys() & names)
    }

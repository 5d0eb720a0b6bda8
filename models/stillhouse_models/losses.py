"""What a student is told off for. Each takes means over the batch, so that weights do not depend on its size."""

import torch
from torch import Tensor, nn

TEMPERATURE = 2.0


def mse(predicted: Tensor, wanted: Tensor, timestep: Tensor) -> Tensor:
    """Squared error of clean pictures [B, 3, h, w], weighted as in the teacher's training: less where all is noise."""
    error = (predicted - wanted).square().mean(dim=(1, 2, 3))
    return (error / (timestep / 1000).clamp(min=0.3)).mean()


def gram(student: Tensor, teacher: Tensor) -> Tensor:
    """Distance of Gram matrices (Gatys et al. 2016): which channels fire together, wherever they do. [B, C, h, w] both."""
    return (_gram_matrix(student) - _gram_matrix(teacher)).square().sum(dim=(1, 2)).mean()


def _gram_matrix(features: Tensor) -> Tensor:
    flat = nn.functional.normalize(features.float().flatten(2), dim=1)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of the channels' distribution at each position, softened by a temperature (Hinton et al. 2015)."""
    wanted = (teacher.float() / TEMPERATURE).log_softmax(dim=1)
    given = (student.float() / TEMPERATURE).log_softmax(dim=1)
    per_position = (wanted.exp() * (wanted - given)).sum(dim=1)
    return per_position.mean() * TEMPERATURE**2


class Adapters(nn.Module):
    """1x1 convolutions that widen a student's features to the teacher's; only training needs them."""

    def __init__(self, student: list[int], teacher: list[int]):
        super().__init__()
        self.widen = nn.ModuleList(nn.Conv2d(s, t, 1) for s, t in zip(student, teacher, strict=True))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [widen(feature) for widen, feature in zip(self.widen, features, strict=True)]


def feature_losses(names: set[str], student: list[Tensor], teacher: list[Tensor]) -> dict[str, Tensor]:
    """Means over the layers compared."""
    kinds = {"gram": gram, "kl": kl}
    return {
        name: torch.stack([kinds[name](s, t) for s, t in zip(student, teacher, strict=True)]).mean()
        for name in kinds.keys() & names
    }

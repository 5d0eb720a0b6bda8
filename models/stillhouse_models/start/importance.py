"""How much each channel of a teacher matters, so that a narrower student begins with those that matter most."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from stillhouse_models.start.spaces import Axes, Axis

KINDS = ("taylor", "l1")


def taylor_scores(weight: Tensor, gradient: Tensor) -> Tensor:
    """First-order Taylor importance of each weight, (gradient * weight) squared (Molchanov et al. 2019, equation 8)."""
    return (weight * gradient).square()


def l1_scores(weight: Tensor) -> Tensor:
    """Magnitude of each weight (Li et al. 2017)."""
    return weight.abs()


class Importance:
    """Sums the scores of all weights that belong to a channel, over every weight where it occurs (Molchanov's equation 9)."""

    def __init__(self, axes: Axes):
        self.axes = axes
        self.channels: dict[str, Tensor] = {}

    def add(self, name: str, scores: Tensor) -> None:
        """`scores` has the shape of the weight."""
        for dimension, axis in enumerate(self.axes[name]):
            others = [d for d in range(scores.ndim) if d != dimension]
            if axis:
                self._add_axis(axis, scores.sum(dim=others) if others else scores)

    def _add_axis(self, axis: Axis, scores: Tensor) -> None:
        parts = scores.split([segment.size * segment.repeat for segment in axis])
        for segment, part in zip(axis, parts, strict=True):
            if segment.space is not None:
                summed = part.reshape(segment.size, segment.repeat).sum(dim=1)
                self.channels[segment.space] = self.channels.get(segment.space, torch.zeros_like(summed)) + summed


def l1_importance(network: nn.Module, axes: Axes) -> dict[str, Tensor]:
    """Space -> float32 [channels]."""
    importance = Importance(axes)
    for name, weight in network.named_parameters():
        importance.add(name, l1_scores(weight.detach()))
    return importance.channels


def taylor_importance(network: nn.Module, axes: Axes, losses: Iterable[Tensor]) -> dict[str, Tensor]:
    """Space -> float32 [channels]. Each of the losses is gone back through by itself, because the squares are averaged."""
    importance = Importance(axes)
    named = list(network.named_parameters())
    for loss in losses:
        gradients = torch.autograd.grad(loss, [weight for _, weight in named], allow_unused=True)
        for (name, weight), gradient in zip(named, gradients, strict=True):
            if gradient is not None:
                importance.add(name, taylor_scores(weight.detach(), gradient))
    return importance.channels

"""Muon (Jordan et al. 2024): momentum whose update is made orthogonal by a Newton-Schulz iteration.

Used for the matrices of the hidden layers (convolutions as [outputs, inputs * taps]); AdamW takes the rest.
It wants fewer pictures than AdamW for the same loss, which pays where every picture is computed on two cores.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from stillhouse_models.training.compute_device import has_half

# Coefficients of the quintic iteration, from the reference description.
A, B, C = 3.4445, -4.7750, 2.0315
ITERATIONS = 5


def orthogonalised(matrices: Sequence[Tensor]) -> list[Tensor]:
    """For each the nearest matrix with singular values about 1; float32 [rows, columns], in the same order.

    Those of one shape, or of its transpose, go through the iteration as one batch: most are too small to fill a processor.
    """
    alike: dict[torch.Size, list[int]] = defaultdict(list)
    for index, matrix in enumerate(matrices):
        alike[_wide(matrix).shape].append(index)
    made: dict[int, Tensor] = {}
    for indices in alike.values():
        stacked = torch.stack([_wide(matrices[index]) for index in indices])
        batch = _iterated(stacked.bfloat16() if has_half(stacked.device) else stacked).float()
        made |= {index: each if _is_wide(matrices[index]) else each.T for index, each in zip(indices, batch, strict=True)}
    return [made[index] for index in range(len(matrices))]


def _iterated(x: Tensor) -> Tensor:
    """[count, rows, columns], rows at most columns; bfloat16 is fine enough (Jordan et al. 2024)."""
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x


def _is_wide(matrix: Tensor) -> bool:
    return matrix.shape[0] <= matrix.shape[1]


def _wide(matrix: Tensor) -> Tensor:
    return matrix if _is_wide(matrix) else matrix.T


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):  # type: ignore[no-untyped-def]
        for group in self.param_groups:
            given = [(parameter, parameter.grad) for parameter in group["params"] if parameter.grad is not None]
            flat = [self._nesterov(parameter, grad, group["momentum"]).flatten(1) for parameter, grad in given]
            for (parameter, _), update in zip(given, orthogonalised(flat), strict=True):
                rows, columns = update.shape
                rate = group["lr"] * max(1, rows / columns) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update.reshape(parameter.shape), alpha=rate)

    def _nesterov(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """The gradient as Nesterov's momentum looks ahead; advances the momentum that is kept."""
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        velocity: Tensor = state["momentum"]
        velocity.lerp_(gradient, 1 - momentum)
        return gradient.lerp(velocity, momentum)

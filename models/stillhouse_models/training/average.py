"""An exponential average of the weights: what is judged, saved and distilled from."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    def __init__(self, module: nn.Module, decay: float):
        self.decay, self.updates = decay, 0
        self.state: dict[str, Tensor] = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.updates += 1
        # Short at first, so that the random beginning is forgotten.
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, weight)
            else:
                self.state[name].copy_(tensor)

    def restore(self, state: dict[str, Tensor], updates: int) -> None:
        """Of a checkpoint, wherever that was made."""
        self.state = {name: tensor.to(self.state[name].device) for name, tensor in state.items()}
        self.updates = updates

    @contextmanager
    def in_place_of(self, module: nn.Module) -> Iterator[None]:
        """The module with the averaged weights, for as long as the context lasts."""
        own = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        module.load_state_dict(self.state)
        try:
            yield
        finally:
            module.load_state_dict(own)

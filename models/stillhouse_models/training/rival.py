"""What objectives with a network of their own have in common: a loss for the student, then a lesson for themselves."""

from typing import Protocol

import numpy as np
from torch import Tensor

from stillhouse_models.training.moment import Moment


class Rival(Protocol):
    def loss(self, moment: Moment, rng: np.random.Generator) -> Tensor:
        """The student's."""
        ...

    def learn(self, moment: Moment, rate: float, rng: np.random.Generator) -> float:
        """One step of the rival's own network, after the student's; returns its loss."""
        ...

    def state(self) -> dict[str, object]: ...

    def restore(self, state: dict[str, object]) -> None: ...

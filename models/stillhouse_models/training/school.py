"""Where a student's lessons come from, and what it is told off for: scenes and a teacher in memory, or a teacher's cache."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.training.average import Average
from stillhouse_models.training.lessons import Lesson
from stillhouse_models.training.moment import Moment


class Telling(Protocol):
    """The losses of a step by their names in the recipe, with the networks that they need."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def losses(self, names: set[str], moment: Moment, average: Average, rng: np.random.Generator) -> dict[str, Tensor]: ...

    def learn(self, names: set[str], moment: Moment, rate: float, rng: np.random.Generator) -> dict[str, float]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class School(Protocol):
    """`channels` and `side` of what the student paints, `context_channels` of what it is told; all of it is on `device`.

    `levels`: the noise levels that the student's pictures go through, from 1 down to 0.
    """

    channels: int
    side: int
    context_channels: int
    levels: list[float]
    device: torch.device

    def telling(self, recipe: Recipe, student: Denoiser, used: set[str]) -> Telling: ...

    def lesson(self, recipe: Recipe, phase: PhaseRecipe, rng: np.random.Generator) -> Lesson: ...

    def told(self, lesson: Lesson) -> Tensor:
        """The lesson's captions as the student sees them: float32 [B, L, context_channels]."""
        ...

    def context(self, texts: list[str]) -> Tensor:
        """The same of any captions that the school knows."""
        ...

    def keep(self, student: Denoiser, folder: Path) -> None: ...

    def lineage(self) -> dict[str, Any]:
        """`teacher` and `data` of the student's lineage."""
        ...

"""What the losses of one training step look at."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.training.lessons import Lesson


@dataclass(frozen=True)
class Moment:
    """`clean` float32 [B, 3, h, w] is the student's answer to the lesson, `features` what its levels said on the way.

    `context` [B, L, C] is what the text encoder made of the captions.
    """

    lesson: Lesson
    context: Tensor
    clean: Tensor
    features: list[Tensor]

    @property
    def asked(self) -> int:
        """How many of the lesson's pictures, its first ones, the teacher answered."""
        return len(self.lesson.clean)

    @property
    def levels(self) -> Tensor:
        """Noise levels [B] in (0, 1]."""
        return self.lesson.timestep / 1000


def random_levels(rng: np.random.Generator, count: int, device: torch.device) -> Tensor:
    """For making pictures noisy again: float32 [count], neither the bare picture nor noise alone."""
    return torch.from_numpy(rng.uniform(0.02, 0.98, size=count).astype(np.float32)).to(device)


def random_noise(rng: np.random.Generator, like: Tensor) -> Tensor:
    return torch.from_numpy(rng.standard_normal(like.shape, dtype=np.float32)).to(like.device)

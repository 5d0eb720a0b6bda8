"""What a teacher said lately: noisy pictures with its answers, each shown to the student several times.

A guided teacher costs two forward passes a picture, more than the student's whole step; with a memory, only a share of
each batch is new.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Lesson:
    """noisy and clean float32 [B, 3, h, w]; timestep float32 [B] (0..1000); ids int64 [B, L]; truth as clean, rendered."""

    noisy: Tensor
    timestep: Tensor
    ids: Tensor
    clean: Tensor
    truth: Tensor

    def parts(self) -> tuple[Tensor, ...]:
        return (self.noisy, self.timestep, self.ids, self.clean, self.truth)


class Replay:
    """A ring of lessons; pictures in half precision, a fifth of a megabyte for eight of 64x64."""

    def __init__(self, capacity: int):
        self.capacity, self.lessons = capacity, list[tuple[Tensor, ...]]()
        self.next = 0

    def add(self, lesson: Lesson) -> None:
        for row in zip(*lesson.parts(), strict=True):
            kept = tuple(part.half() if part.ndim == 3 else part.clone() for part in row)
            if len(self.lessons) < self.capacity:
                self.lessons.append(kept)
            else:
                self.lessons[self.next] = kept
            self.next = (self.next + 1) % self.capacity

    def draw(self, rng: np.random.Generator, count: int) -> Lesson:
        chosen = [self.lessons[i] for i in rng.integers(len(self.lessons), size=count)]
        noisy, timestep, ids, clean, truth = (torch.stack(parts) for parts in zip(*chosen, strict=True))
        return Lesson(noisy.float(), timestep, ids, clean.float(), truth.float())


def joined(first: Lesson, second: Lesson) -> Lesson:
    return Lesson(*(torch.cat(pair) for pair in zip(first.parts(), second.parts(), strict=True)))

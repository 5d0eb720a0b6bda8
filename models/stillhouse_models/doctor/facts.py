"""What a doctor knows of a version: measurements of its pictures, and the lineage of its student."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StepsTrial:
    """The same weights with more steps. Gains are against the published number of steps, paired by prompt and seed."""

    steps: int
    adherence_gain: float
    adherence_gain_low: float
    psnr_gain_db: float | None


@dataclass(frozen=True)
class Facts:
    """`teacher` and `variants` are rows of evaluate_version; the first variant is the one with the most bits.

    `apart` says for each other variant how much less adherence it has than the first: the upper end of the interval is below
    zero where the loss is beyond doubt. Channels are those of the denoiser's levels, where the folder and lineage tell.
    """

    teacher: dict[str, Any]
    variants: list[dict[str, Any]]
    apart: dict[str, dict[str, float]]
    trials: list[StepsTrial]
    phases: list[dict[str, Any]]
    student_channels: list[int] | None = None
    teacher_channels: list[int] | None = None

    @property
    def main(self) -> dict[str, Any]:
        return self.variants[0]

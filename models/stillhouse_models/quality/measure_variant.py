"""A variant's pictures over its version's evaluation set, and all that is measured on them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stillhouse_models.adherence import picture_adherence, quality_scores
from stillhouse_models.inference_precision import F32
from stillhouse_models.pipeline import Pipeline, to_pixels
from stillhouse_models.quality.artifacts import Artifacts, mean_artifacts, picture_artifacts
from stillhouse_models.quality.diversity import diversity
from stillhouse_models.quality.evaluation_folder import EvaluationFolder, grid_period
from stillhouse_models.quality.fidelity import psnr_db, ssim

# What one prompt gives for other seeds: the first prompts of the set, so many seeds each.
SEED_PROMPTS, SEEDS = 4, 4
# (prompt, seed) -> float32 [1, 3, h, w], about -1..1.
Sample = Callable[[str, int], np.ndarray]


@dataclass(frozen=True)
class Judged:
    """One picture of the evaluation set, against what was asked and against the teacher's."""

    prompt: str
    seed: int
    adherence: float
    teacher_adherence: float
    missed: list[str]
    finite: bool
    artifacts: Artifacts
    psnr_db: float | None
    ssim: float | None
    perceptual: float | None


@dataclass(frozen=True)
class Measured:
    """All pictures of a variant, uint8 [n, h, w, 3], and each one judged."""

    pictures: np.ndarray
    judged: list[Judged]

    def scores(self) -> dict[str, object]:
        """The manifest's Scores."""
        own, teacher = [j.adherence for j in self.judged], [j.teacher_adherence for j in self.judged]
        scores = quality_scores(own, teacher)
        if (fidelity := self.fidelity()) is not None:
            scores["fidelity"] = fidelity
        artifacts = mean_artifacts([j.artifacts for j in self.judged])
        return scores | {"artifacts": artifacts, "diversityLevels": diversity(self.pictures)}

    def fidelity(self) -> dict[str, float] | None:
        if any(j.psnr_db is None for j in self.judged):
            return None
        return {
            "psnrDb": float(np.mean([j.psnr_db for j in self.judged])),
            "ssim": float(np.mean([j.ssim for j in self.judged])),
            "perceptual": float(np.mean([j.perceptual for j in self.judged])),
        }

    def non_finite(self) -> float:
        """Share of pictures that held a value that is no number."""
        return float(np.mean([not j.finite for j in self.judged]))


def score_variant(version: Path, variant: str, steps: int, inference_precision: str = F32) -> dict[str, object]:
    """The manifest's Scores over the version's own evaluation set, as a device computes them. `variant` is its folder."""
    pipeline = Pipeline.load(version / variant, inference_precision=inference_precision)
    folder, period = EvaluationFolder.load(version), grid_period(version / variant)
    return judge(folder, lambda prompt, seed: pipeline.sample(prompt, seed, steps), period).scores()


def judge(folder: EvaluationFolder, sample: Sample, period: int) -> Measured:
    pictures, judged = [], []
    for index, row in enumerate(folder.rows):
        sampled = sample(row["prompt"], row["seed"])
        picture = to_pixels(sampled)
        wanted = None if folder.teacher is None else folder.teacher[index]
        judged.append(_judge_one(folder, row, sampled, picture, wanted, period))
        pictures.append(picture)
    return Measured(np.stack(pictures), judged)


def _judge_one(
    folder: EvaluationFolder, row: dict, sampled: np.ndarray, picture: np.ndarray, wanted: np.ndarray | None, period: int
) -> Judged:
    found, expected = folder.evaluator.labels(picture), row["expected"]
    comparable = wanted is not None and wanted.shape == picture.shape
    return Judged(
        prompt=row["prompt"],
        seed=row["seed"],
        adherence=picture_adherence(expected, found),
        teacher_adherence=row["teacher"]["adherence"],
        missed=[f"{head}: {label}, not {found.get(head)}" for head, label in expected.items() if found.get(head) != label],
        finite=bool(np.isfinite(sampled).all()),
        artifacts=picture_artifacts(picture, period),
        psnr_db=psnr_db(picture, wanted) if comparable and wanted is not None else None,
        ssim=ssim(picture, wanted) if comparable and wanted is not None else None,
        perceptual=folder.perceptual(picture, wanted) if comparable and wanted is not None else None,
    )


def teacher_measures(folder: EvaluationFolder, period: int) -> dict[str, object]:
    """What the teacher's own pictures measure, to hold a student's against; empty where they are not in the folder."""
    if folder.teacher is None:
        return {}
    each = [picture_artifacts(picture, period) for picture in folder.teacher]
    return {"artifacts": mean_artifacts(each), "diversityLevels": diversity(folder.teacher)}


def seed_diversity(folder: EvaluationFolder, sample: Sample) -> float:
    """How different the pictures of one prompt are for other seeds: the mean over the first prompts, in levels."""
    levels = []
    for row in folder.rows[:SEED_PROMPTS]:
        pictures = [to_pixels(sample(row["prompt"], seed)) for seed in range(SEEDS)]
        levels.append(diversity(np.stack(pictures)))
    return float(np.mean(levels))

"""Every variant of a version judged on the version's own evaluation set: one row each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse_models.inference_precision import computed_here, not_computed_here, precision_of
from stillhouse_models.manifest import read_manifest
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.quality.evaluation_folder import EvaluationFolder, grid_period
from stillhouse_models.quality.measure_variant import SEED_PROMPTS, SEEDS, judge, seed_diversity, teacher_measures


def pictures_to_make(version: Path) -> int:
    manifest = read_manifest(version)
    return len(computed_here(manifest["variants"])) * (len(EvaluationFolder.load(version).rows) + SEED_PROMPTS * SEEDS)


def evaluate_version(version: Path, on_picture: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """JSON-able: the teacher, then each variant with score, interval, adherence, fidelity, artifacts and diversity."""
    manifest, folder = read_manifest(version), EvaluationFolder.load(version)
    rows = [evaluate_variant(version, variant, folder, on_picture) for variant in computed_here(manifest["variants"])]
    teacher = manifest["evaluation"]["teacher"] | teacher_measures(
        folder, grid_period(version / manifest["variants"][0]["folder"])
    )
    named = {"model": manifest["model"], "version": manifest["version"], "prompts": len(folder.rows)}
    named |= {"notJudged": not_computed_here(manifest["variants"])}
    return named | {"teacher": row_of(teacher), "variants": rows}


def evaluate_variant(
    version: Path, variant: dict, folder: EvaluationFolder, on_picture: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    folder_of, steps = version / variant["folder"], variant["steps"]
    pipeline = Pipeline.load(folder_of, inference_precision=precision_of(variant))

    def sample(prompt: str, seed: int) -> np.ndarray:
        on_picture()
        return pipeline.sample(prompt, seed, steps)

    measured = judge(folder, sample, grid_period(folder_of))
    row = row_of(measured.scores(), measured.non_finite(), seed_diversity(folder, sample))
    return {"name": variant["name"], "runtime": variant["runtime"], "precision": variant["precision"], "steps": steps} | row


def row_of(scores: dict[str, Any], non_finite: float | None = None, seed_levels: float | None = None) -> dict[str, Any]:
    """The manifest's Scores by the names that a reader looks for; null is what was not measured."""
    artifacts = scores.get("artifacts")
    return {
        "score": scores["quality"],
        "interval": scores.get("interval"),
        "adherence": scores["adherence"],
        "whole": scores["whole"],
        "fidelity": scores.get("fidelity"),
        "artifacts": artifacts and artifacts | {"nonFinite": non_finite},
        "diversity": {"levels": scores.get("diversityLevels"), "seedLevels": seed_levels},
    }

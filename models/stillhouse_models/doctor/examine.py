"""Gathers the facts: every variant judged, the first one with more steps too, the lineage read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse_models.doctor.facts import Facts, StepsTrial
from stillhouse_models.inference_precision import F32, computed_here, precision_of
from stillhouse_models.manifest import read_manifest
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.quality.bootstrap import mean_interval
from stillhouse_models.quality.evaluate_version import row_of
from stillhouse_models.quality.evaluation_folder import EvaluationFolder, grid_period
from stillhouse_models.quality.measure_variant import Judged, Measured, judge, seed_diversity, teacher_measures

MORE_STEPS = (2, 4)
MOST_STEPS = 64
OnPicture = Callable[[], None]
BITS = {"fp32": 32, "fp16": 16, "bf16": 16, "int8": 8, "int4": 4}


@dataclass(frozen=True)
class Examination:
    """The facts, and the first variant's pictures beside the teacher's for whoever wants to see."""

    facts: Facts
    measured: Measured
    teacher: np.ndarray | None


def trial_steps(steps: int) -> list[int]:
    return [steps * times for times in MORE_STEPS if steps * times <= MOST_STEPS]


def pictures_to_make(version: Path) -> int:
    variants = most_bits_first(read_manifest(version)["variants"])
    rows = len(json.loads((version / "evaluation/evaluation.json").read_text())["prompts"])
    return rows * (len(variants) + len(trial_steps(variants[0]["steps"])))


def most_bits_first(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of those that this machine computes. Of equals, the one that is published first; f32 before 16 bits, and float arithmetic
    before integers."""

    def key(variant: dict[str, Any]) -> tuple[int, bool, bool]:
        integers = (variant.get("quantization") or {}).get("activationBits") == 8
        return -BITS[variant["precision"]], precision_of(variant) != F32, integers

    return sorted(computed_here(variants), key=key)


def examine(version: Path, on_picture: OnPicture = lambda: None) -> Examination:
    manifest, folder = read_manifest(version), EvaluationFolder.load(version)
    if folder.teacher is None:
        raise ValueError(f"{version}: the teacher's pictures (evaluation/teacher) are not there, so nothing to compare with")
    variants = most_bits_first(manifest["variants"])
    measured = [_measure(version, variant, folder, variant["steps"], on_picture) for variant in variants]
    first, rest = measured[0], measured[1:]
    period = grid_period(version / variants[0]["folder"])
    pipeline = Pipeline.load(version / variants[0]["folder"], inference_precision=precision_of(variants[0]))
    by_seed = seed_diversity(folder, lambda prompt, seed: pipeline.sample(prompt, seed, variants[0]["steps"]))
    lineage = manifest.get("lineage") or {}
    facts = Facts(
        teacher=row_of(manifest["evaluation"]["teacher"] | teacher_measures(folder, period)),
        variants=[_row(v, m, by_seed if m is first else None) for v, m in zip(variants, measured, strict=True)],
        apart={v["name"]: _apart(m.judged, first.judged) for v, m in zip(variants[1:], rest, strict=True)},
        trials=[_trial(version, variants[0], folder, first, steps, on_picture) for steps in trial_steps(variants[0]["steps"])],
        phases=list(lineage.get("phases", [])),
        student_channels=_student_channels(version / variants[0]["folder"]),
        teacher_channels=(lineage.get("teacher") or {}).get("channels"),
    )
    return Examination(facts, first, folder.teacher)


def _measure(version: Path, variant: dict, folder: EvaluationFolder, steps: int, on_picture: OnPicture) -> Measured:
    pipeline = Pipeline.load(version / variant["folder"], inference_precision=precision_of(variant))

    def sample(prompt: str, seed: int) -> np.ndarray:
        on_picture()
        return pipeline.sample(prompt, seed, steps)

    return judge(folder, sample, grid_period(version / variant["folder"]))


def _row(variant: dict, measured: Measured, seed_levels: float | None) -> dict[str, Any]:
    named = {"name": variant["name"], "precision": variant["precision"], "steps": variant["steps"]}
    return named | row_of(measured.scores(), measured.non_finite(), seed_levels)


def _apart(ours: list[Judged], theirs: list[Judged]) -> dict[str, float]:
    gains = [a.adherence - b.adherence for a, b in zip(ours, theirs, strict=True)]
    low, high = mean_interval(gains)
    return {"mean": float(np.mean(gains)), "low": low, "high": high}


def _trial(
    version: Path, variant: dict, folder: EvaluationFolder, published: Measured, steps: int, on_picture: OnPicture
) -> StepsTrial:
    more = _measure(version, variant, folder, steps, on_picture)
    gain = _apart(more.judged, published.judged)
    ours, theirs = more.fidelity(), published.fidelity()
    decibels = ours["psnrDb"] - theirs["psnrDb"] if ours and theirs else None
    return StepsTrial(steps, gain["mean"], gain["low"], decibels)


def _student_channels(variant: Path) -> list[int] | None:
    config = variant / "unet/config.json"
    channels = json.loads(config.read_text()).get("channels") if config.exists() else None
    return list(channels) if channels else None

"""Trains the students that the doctor is tested on and keeps its facts of each (tests/doctor/*.json).

In models/, with an evaluator and a teacher of recipes/shapes-tiny.toml in TRAINING (the teacher's seconds raised to 420):

    PYTHONPATH=. .venv/bin/python tests/doctor/students.py TRAINING [KIND ...]

Budgets are steps, so that another machine trains the same; about 15 minutes a long student on one free core.
"""

import dataclasses
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from stillhouse_models import __version__
from stillhouse_models.distil import paint
from stillhouse_models.doctor.examine import examine
from stillhouse_models.export import ExportRequest, export_version
from stillhouse_models.recipe import PhaseRecipe, Recipe, read_recipe
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.weights import Painter, load_painter, save_painter

HERE = Path(__file__).parent
SOUND = {"mse": 1.0, "gram": 0.05, "kl": 0.02}
DROWNED = {"mse": 0.01, "gram": 5.0, "kl": 1.0}
# (channels, losses of the main phase, steps in all): one sound recipe, stopped early enough to learn more, and what harms it.
KINDS: dict[str, tuple[tuple[int, ...], dict[str, float], int]] = {
    "unfinished": ((16, 32), SOUND, 900),
    "half-channels": ((8, 16), SOUND, 900),
    "wrong-weights": ((16, 32), DROWNED, 900),
    "too-short": ((16, 32), SOUND, 90),
}
LOG_EVERY = 50


def train(recipe: Recipe, kind: str, training: Path, teacher: Painter) -> Path:
    channels, losses, steps = KINDS[kind]
    run = StudentRun(replace(recipe, student=replace(recipe.student, channels=channels, batch_size=48)), teacher)
    judge = Judge(run.sprites, load_evaluator(run.sprites, training / "evaluator.safetensors"))
    plain = losses if losses is DROWNED else {"mse": 1.0}
    rows: list[dict] = []
    parts = ("conditioning", "stem")
    for name, share, rate, weights, frozen in (
        ("warm-up", 0.15, 2e-3, plain, ()), ("main", 0.65, 2e-3, losses, ()), ("fine-tuning", 0.2, 3e-4, plain, parts),
    ):  # fmt: skip
        phase = PhaseRecipe(name=name, seconds=1.0, rate=rate, losses=weights, frozen=frozen)
        curve = train_phase(run, phase, max(1, int(steps * share)))
        metrics = judge(lambda texts, noise: paint(run, texts, noise))
        means = {key: value for key, value in curve[-1].items() if key != "step"}
        row = {"name": name, "steps": run.progress.step, "learningRate": rate, "losses": means, "metrics": metrics}
        rows.append(row | {"undone": False, "weights": weights, "curve": curve})
    student = training / kind / "student"
    with run.average.in_place_of(run.student):
        save_painter(run.painter(), student)
    lineage = {"teacher": {"name": "shapes", "parameters": teacher.parameters()}, "family": recipe.student.family, "phases": rows}
    lineage |= {"data": {"name": recipe.source}, "toolkitVersion": __version__, "seed": recipe.seed}
    (student / "lineage.json").write_text(json.dumps(lineage))
    return student


def train_phase(run: StudentRun, phase: PhaseRecipe, steps: int) -> list[dict[str, float]]:
    curve: list[dict[str, float]] = []
    window: list[dict[str, float]] = []
    for step in range(steps):
        window.append(run.step(phase, step / steps))
        if len(window) == LOG_EVERY or step == steps - 1:
            curve.append({"step": run.progress.step} | {k: float(np.mean([w[k] for w in window])) for k in window[-1]})
            window = []
    return curve


def main(training: Path, kinds: list[str]) -> None:
    recipe = read_recipe(HERE.parents[1] / "recipes/shapes-tiny.toml")
    teacher = load_painter(training / "teacher")
    for network in (teacher.unet, teacher.encoder):
        network.requires_grad_(False)
    for kind in kinds or KINDS:
        request = ExportRequest(
            kind, "1.0.0", recipe.source, train(recipe, kind, training, teacher), training / "teacher",
            training / "evaluator.safetensors", training / "versions", "for the doctor", steps=4, precisions=("fp16",),
        )  # fmt: skip
        facts = dataclasses.asdict(examine(export_version(request)).facts)
        (HERE / f"{kind}.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

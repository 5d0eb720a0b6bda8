"""Distil a student from a teacher in a recipe's phases; judged after each, undone where it got worse, resumable."""

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stillhouse_models import __version__
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.courtesy import Courtesy
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.phase_curve import phase_curve
from stillhouse_models.training.pictures import to_pixels
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.training.sheet import save_sheet
from stillhouse_models.training.student_run import CHECKPOINT, StudentRun
from stillhouse_models.weights import Painter, load_painter, save_painter

SAVE_EVERY_SECONDS = 180
JUDGE_EVERY_SECONDS = 300
LOG_EVERY_STEPS = 50


def distil(recipe: Recipe, training: Path, out: Path, start_from: Path | None = None) -> None:
    """`training` holds the teacher's folder and the evaluator; `out` gets the student, its lineage, log and checkpoints.

    `start_from` is a kept student to begin with; a checkpoint in `out` goes before it.
    """
    torch.set_flush_denormal(True)
    teacher = load_painter(training / "teacher", "teacher-unet")
    for network in (teacher.unet, teacher.encoder):
        network.requires_grad_(False)
    run, log = StudentRun(recipe, teacher), MetricsLog(out / "student.jsonl")
    if (out / CHECKPOINT).exists():
        run.restore(out / CHECKPOINT)
    elif start_from is not None:
        run.start_from(start_from)
    elif recipe.student.start == "teacher":
        run.start_from_teacher()
    judge = Judge(run.sprites, load_evaluator(run.sprites, training / "evaluator.safetensors"))
    log.write(start=True, step=run.progress.step, parameters=sum(p.numel() for p in run.student.parameters()))
    rows = _phases_done(out)
    for index, phase in enumerate(recipe.phases):
        if index < run.progress.phase:
            continue
        losses = _train_phase(run, phase, judge, log, out)
        rows.append(_close_phase(run, phase, losses, judge, log, out, rows))
        run.progress.phase, run.progress.spent = index + 1, 0.0
        (out / "phases.json").write_text(json.dumps(rows, indent=1) + "\n")
        run.save(out)
        keep_student(run, rows, out)


def _train_phase(run: StudentRun, phase: PhaseRecipe, judge: Judge, log: MetricsLog, out: Path) -> dict[str, float]:
    """Returns the mean losses of the phase's last steps."""
    window: list[dict[str, float]] = []
    courtesy = Courtesy()
    saved = judged = run.progress.spent
    means: dict[str, float] = {}
    while run.progress.spent < phase.seconds:
        courtesy.look()
        begun = time.monotonic()
        window.append(run.step(phase, run.progress.spent / phase.seconds))
        run.progress.spent += time.monotonic() - begun
        if run.progress.step % LOG_EVERY_STEPS == 0:
            means = {name: float(np.mean([row[name] for row in window])) for name in window[-1]}
            log.write(phase=phase.name, step=run.progress.step, spent=run.progress.spent, **means)
            window.clear()
        if run.progress.spent - saved > SAVE_EVERY_SECONDS:
            run.save(out)
            saved = run.progress.spent
        if run.progress.spent - judged > JUDGE_EVERY_SECONDS:
            judged = run.progress.spent
            log.write(phase=phase.name, step=run.progress.step, **judge(lambda texts, noise: paint(run, texts, noise)))
    return means


def _close_phase(
    run: StudentRun, phase: PhaseRecipe, losses: dict[str, float], judge: Judge, log: MetricsLog, out: Path, rows: list[dict]
) -> dict[str, object]:
    """Judges the phase; when it lost more than its tolerance, the best phase's weights come back. Returns its lineage row."""
    shown: list[Tensor] = []

    def painted(texts: list[str], noise: Tensor) -> Tensor:
        shown.append(paint(run, texts, noise))
        return shown[-1]

    shares = judge(painted)
    best = max((row["metrics"]["parts"] for row in rows if not row["undone"]), default=0.0)
    undone = shares["parts"] < best - phase.tolerance
    if undone:
        progress = run.progress
        run.restore(out / "best.pt")
        run.progress = progress
    elif shares["parts"] >= best:
        torch.save(run.state(), out / "best.pt")
    save_sheet([to_pixels(shown[0][:32])], [c.text for c in judge.captions[:32]], out / f"student-{phase.name}.png")
    log.write(phase=phase.name, step=run.progress.step, closed=True, undone=undone, **shares)
    row = {"name": phase.name, "steps": run.progress.step, "learningRate": phase.rate, "losses": losses, "metrics": shares}
    return row | {"undone": undone, "weights": dict(phase.losses), "curve": phase_curve(log.path, phase.name)}


def paint(run: StudentRun, texts: list[str], noise: Tensor) -> Tensor:
    """Pictures by the averaged weights, in the steps that the student is trained for."""
    context = run.teacher.encoder(token_ids(run.teacher.tokenizer, texts))
    with run.average.in_place_of(run.student):
        return sample(lambda x, t: run.student.clean(x, t, context), noise, sigmas(run.recipe.student.steps))


def keep_student(run: StudentRun, rows: list[dict], out: Path) -> None:
    """The averaged weights as diffusers folders, and the lineage for the manifest."""
    recipe = run.recipe
    with run.average.in_place_of(run.student):
        save_painter(run.painter(), out / "student")
    lineage = {
        "teacher": {"name": f"{recipe.name}-teacher", "parameters": run.teacher.parameters()},
        "family": recipe.student.family,
        "phases": rows,
        "data": {"name": recipe.source},
        "toolkitVersion": __version__,
        "seed": recipe.seed,
    }
    (out / "student/lineage.json").write_text(json.dumps(lineage, indent=1) + "\n")


def keep_checkpoint(recipe: Recipe, training: Path, out: Path) -> None:
    """Keeps the student as it stands in the middle of a phase, so that it can be exported while training goes on."""
    run = StudentRun(recipe, _teacher(training))
    run.restore(out / CHECKPOINT)
    keep_student(run, _phases_done(out), out)


def _teacher(training: Path) -> Painter:
    return load_painter(training / "teacher", "teacher-unet")


def _phases_done(out: Path) -> list[dict]:
    file = out / "phases.json"
    return list(json.loads(file.read_text())) if file.exists() else []

"""Distil a student from a teacher in a recipe's phases; judged after each, undone where it got worse, resumable.

A resumed run reads one file, `student.pt`; the rest of the folder is written from it or for people.
"""

import json
from pathlib import Path

import torch

from stillhouse_models import __version__
from stillhouse_models.cached_teacher.fill_cache import CACHE
from stillhouse_models.cached_teacher.latent_cache import LatentCache
from stillhouse_models.faults import RefusedError
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.training.cached_judge import CachedJudge
from stillhouse_models.training.cached_school import CachedSchool
from stillhouse_models.training.close_phase import close_phase
from stillhouse_models.training.compute_device import arithmetic, device_of
from stillhouse_models.training.judge import Judge, PhaseJudge, load_evaluator
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.phase_loop import train_phase
from stillhouse_models.training.school import School
from stillhouse_models.training.student_run import CHECKPOINT, StudentRun
from stillhouse_models.watch import Unwatched, Watch
from stillhouse_models.weights import Painter, load_painter


def distil(recipe: Recipe, training: Path, out: Path, start_from: Path | None = None, watch: Watch | None = None) -> None:
    """`training` holds the teacher's folder and the evaluator; `out` gets the student, its lineage, log and checkpoints.

    `start_from` is a kept student to begin with; a checkpoint in `out` goes before it. Without a watch, the log's rows are
    also printed.
    """
    torch.set_flush_denormal(True)
    log, watching = MetricsLog(out / "student.jsonl", echo=watch is None), watch or Unwatched()
    # The judge before the run, because making any network draws from the random state that the run brings back.
    teacher, judge = _teacher_and_judge(recipe, training)
    run = _begin(recipe, teacher, out, start_from)
    # Rows that a killed run logged after its last checkpoint come again.
    log.forget_after(run.progress.step)
    log.write(start=True, step=run.progress.step, parameters=sum(p.numel() for p in run.student.parameters()))
    if run.progress.step == 0:
        run.save(out)
    while run.progress.phase < len(recipe.phases):
        phase = recipe.phases[run.progress.phase]
        with arithmetic(recipe.autocast):
            train_phase(run, phase, judge, log, out, watching)
            close_phase(run, phase, judge, log, out, watching)
        keep_student(run, out)
    keep_student(run, out)


def _teacher_and_judge(recipe: Recipe, training: Path) -> tuple[Painter | School, PhaseJudge]:
    device = device_of(recipe.device)
    if recipe.teacher.diffusers is not None:
        cache = LatentCache(training / CACHE)
        return CachedSchool(cache, recipe, device), CachedJudge(cache, recipe.teacher.held_out)
    sprites = SOURCES[recipe.source]()
    evaluator = load_evaluator(sprites, training / "evaluator.safetensors", device)
    return _teacher(training).to(device), Judge(sprites, evaluator)


def _begin(recipe: Recipe, teacher: Painter | School, out: Path, start_from: Path | None) -> StudentRun:
    run = StudentRun(recipe, teacher)
    if (out / CHECKPOINT).exists():
        run.restore(out / CHECKPOINT)
        _require_same_phases(recipe.phases, run.progress.rows, out)
    elif start_from is not None:
        run.start_from(start_from)
    elif recipe.student.start == "teacher":
        run.start_from_teacher()
    return run


def _require_same_phases(phases: tuple[PhaseRecipe, ...], rows: list[dict], out: Path) -> None:
    """Phases still to come may change; those that are over are what the weights were made by."""
    for row, phase in zip(rows, phases, strict=False):
        if (row["name"], row["learningRate"], row["weights"]) != (phase.name, phase.rate, dict(phase.losses)):
            raise RefusedError(
                f"{out}: phase {row['name']!r} is over, and the recipe has another in its place or changed its rate or losses; "
                "go on with that recipe, or begin in another folder"
            )


def keep_student(run: StudentRun, out: Path) -> None:
    """The averaged weights as diffusers folders, and the lineage for the manifest."""
    recipe, rows = run.recipe, run.progress.rows
    (out / "phases.json").write_text(json.dumps(rows, indent=1) + "\n")
    with run.average.in_place_of(run.student), torch.random.fork_rng(devices=[]):
        run.school.keep(run.student, out / "student")
    lineage = run.school.lineage() | {
        "family": recipe.student.family,
        "phases": rows,
        "toolkitVersion": __version__,
        "seed": recipe.seed,
    }
    (out / "student/lineage.json").write_text(json.dumps(lineage, indent=1) + "\n")


def keep_checkpoint(recipe: Recipe, training: Path, out: Path) -> None:
    """Keeps the student as it stands in the middle of a phase, so that it can be exported while training goes on."""
    run = StudentRun(recipe, _teacher_and_judge(recipe, training)[0])
    run.restore(out / CHECKPOINT)
    keep_student(run, out)


def _teacher(training: Path) -> Painter:
    teacher = load_painter(training / "teacher", "teacher-unet")
    for network in (teacher.unet, teacher.encoder):
        network.requires_grad_(False)
    return teacher

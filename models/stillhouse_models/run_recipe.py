"""The whole way of a recipe in one folder: evaluator, teacher, student, judgement, export. Started again, it goes on.

OUT/                 the version, ready for `still publish OUT`
OUT/training/        what it was made by: evaluator, teacher, student, logs, sheets, stages.json
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stillhouse_models.folder_lock import folder_lock
from stillhouse_models.manifest import MANIFEST, TRAINING
from stillhouse_models.place_version import place_version
from stillhouse_models.ready_parts import EVALUATOR, take_evaluator, take_teacher, teacher_fault
from stillhouse_models.recipe import CACHED_KEYS, Recipe, RecipeError, as_made
from stillhouse_models.run_cached import run_cached
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.stages import Stages, digest_of, do_stage
from stillhouse_models.watch import Watch


def run_recipe(recipe: Recipe, out: Path, watch: Watch) -> dict[str, Any]:
    """Returns what the version is and how good. Raises StoppedError when the watch asks for it, with everything kept."""
    if recipe.teacher.diffusers is not None:
        return run_cached(recipe, out, watch)
    training = out / TRAINING
    check_recipe(recipe)
    with folder_lock(training):
        stages = Stages(training / "stages.json")
        evaluator_and_teacher(recipe, training, stages, watch)
        taught = _common(recipe) | {"student": as_made(recipe.student), "guidance": recipe.teacher.guidance}
        do_stage(stages, "student", taught, watch, lambda: _student(recipe, training, watch))
        # Phases may change until they are over (distil.py sees to that); from here on they all are.
        stages.begin("phases", {"phases": [as_made(phase) for phase in recipe.phases]})
        with watch.at_once():
            do_stage(stages, "judge", taught, watch, lambda: _judge(recipe, training, watch))
            exported = {"name": recipe.name, "export": recipe.export}
            # Another name, number or form of the same weights is made in minutes.
            if not stages.is_current("export", exported):
                stages.forget("export")
            do_stage(stages, "export", exported, watch, lambda: _export(recipe, training, out))
        return result_of(out)


def evaluator_and_teacher(recipe: Recipe, training: Path, stages: Stages, watch: Watch) -> None:
    """The two stages that everything after them rests on, each done once."""
    common = _common(recipe)
    do_stage(stages, "evaluator", common | _origin(recipe.evaluator), watch, lambda: _evaluator(recipe, training, watch))
    do_stage(stages, "teacher", common | _origin(recipe.teacher), watch, lambda: _teacher(recipe, training, watch))


def _common(recipe: Recipe) -> dict[str, Any]:
    return {"source": recipe.source, "seed": recipe.seed}


def check_recipe(recipe: Recipe) -> None:
    """What would otherwise be found after an hour. RecipeError; RefusedError where the device is not there."""
    from stillhouse_models.training.compute_device import device_of

    device_of(recipe.device)
    if recipe.source not in SOURCES:
        raise RecipeError(f"source is {recipe.source!r}; known: {sorted(SOURCES)}")
    sprites, teacher = SOURCES[recipe.source](), recipe.teacher
    if teacher.ready is not None:
        if fault := teacher_fault(teacher.ready, sprites):
            raise RecipeError(f"[teacher] from: {fault}")
        levels = len(json.loads((teacher.ready / "unet/config.json").read_text())["channels"])
    else:
        levels = len(teacher.channels)
    if levels != len(recipe.student.channels):
        raise RecipeError(
            f"[student] channels has {len(recipe.student.channels)} levels, the teacher {levels}: expected as many, "
            "because the losses compare one level with its other"
        )
    if recipe.evaluator.ready is not None and not recipe.evaluator.ready.exists():
        raise RecipeError(f"[evaluator] from: there is no {recipe.evaluator.ready}")


def _origin(part: Any) -> dict[str, Any]:
    """What a ready one is, not where it lies: a recipe may be followed in a moved checkout."""
    if part.ready is not None:
        return {"ready": digest_of(part.ready)}
    return {"trained": {key: value for key, value in asdict(part).items() if key not in CACHED_KEYS}}


def _evaluator(recipe: Recipe, training: Path, watch: Watch) -> None:
    if recipe.evaluator.ready is not None:
        take_evaluator(recipe.evaluator.ready, SOURCES[recipe.source](), training)
        return
    from stillhouse_models.train_evaluator import train_evaluator
    from stillhouse_models.training.compute_device import device_of

    wanted = recipe.evaluator
    share = train_evaluator(
        recipe.source, wanted.channels, training, wanted.seconds, recipe.seed, watch, device_of(recipe.device)
    )
    watch.say(f"evaluator: {share:.2%} of held-out renders with every answer right")


def _teacher(recipe: Recipe, training: Path, watch: Watch) -> None:
    if recipe.teacher.ready is not None:
        take_teacher(recipe.teacher.ready, SOURCES[recipe.source](), training / "teacher")
        return
    from stillhouse_models.keep_teacher import keep_teacher
    from stillhouse_models.train_teacher import settings_of, train_teacher
    from stillhouse_models.training.compute_device import arithmetic, device_of

    with arithmetic(recipe.autocast):
        train_teacher(settings_of(recipe), training, recipe.teacher.seconds, watch=watch, device=device_of(recipe.device))
    keep_teacher(training, training / "teacher")


def _student(recipe: Recipe, training: Path, watch: Watch) -> None:
    from stillhouse_models.distil import distil

    distil(recipe, training, training / "student", watch=watch)


def _judge(recipe: Recipe, training: Path, watch: Watch) -> None:
    from stillhouse_models.judge_student import judge_student

    judged = judge_student(recipe, training)
    (training / "judged.json").write_text(json.dumps(judged, indent=1) + "\n")
    for name, shares in judged.items():
        watch.say(f"{name}, on held-out prompts: {shares['every']:.1%} whole, {shares['parts']:.1%} of the parts found")


def _export(recipe: Recipe, training: Path, out: Path) -> None:
    """Made beside and moved, the manifest last: what has a manifest is whole."""
    from stillhouse_models.export import ExportRequest, export_version

    wanted = recipe.export
    made = export_version(
        ExportRequest(
            model=wanted.model or recipe.name, version=wanted.version, source=recipe.source,
            student=training / "student/student", teacher=training / "teacher", evaluator=training / EVALUATOR,
            out=training / "export", description=wanted.description, steps=wanted.steps or recipe.student.steps,
            precisions=wanted.precisions, prompts=wanted.prompts,
            teacher_steps=wanted.teacher_steps, teacher_guidance=recipe.teacher.guidance,
        )
    )  # fmt: skip
    place_version(made, out)
    shutil.rmtree(training / "export")


def result_of(out: Path) -> dict[str, Any]:
    """JSON-able: the version in `out`, each variant's score, and the student beside the teacher."""
    manifest = json.loads((out / MANIFEST).read_text())
    variants = [
        {
            "name": v["name"],
            "precision": v["precision"],
            "steps": v["steps"],
            "parameters": v["parameters"],
            "scores": v.get("scores"),
        }
        for v in manifest["variants"]
    ]
    judged = json.loads((out / TRAINING / "judged.json").read_text())
    phases = [{key: row[key] for key in ("name", "steps", "undone", "metrics")} for row in manifest["lineage"]["phases"]]
    named = {"folder": str(out), "model": manifest["model"], "version": manifest["version"]}
    return named | {"variants": variants, "teacher": manifest["evaluation"]["teacher"], "judged": judged, "phases": phases}

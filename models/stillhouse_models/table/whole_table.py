"""The whole table of a recipe: teacher, students at an equal budget, and each precision. Started again, it goes on.

OUT/training/        evaluator and teacher, shared with a run of the recipe in the same folder
OUT/table-STEPS/     a folder a training, what judges them, the version of the precisions, table.md and table.json
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stillhouse_models.export import ExportRequest, export_version
from stillhouse_models.folder_lock import folder_lock
from stillhouse_models.manifest import TRAINING, read_manifest
from stillhouse_models.ready_parts import EVALUATOR
from stillhouse_models.recipe import Recipe, as_made
from stillhouse_models.run_recipe import check_recipe, evaluator_and_teacher
from stillhouse_models.stages import Stages, digest_of, do_stage
from stillhouse_models.table.rows import Row, rows_of
from stillhouse_models.table.rows_over_seeds import rows_over_seeds
from stillhouse_models.table.score_student import row_scores, score_student, write_judge
from stillhouse_models.table.table_text import table_text
from stillhouse_models.variants.kinds import read_kinds
from stillhouse_models.watch import Watch

ROW = "row.json"
VERSION = "1.0.0"


@dataclass(frozen=True)
class TableRequest:
    """`steps` of training a row, from each of so many `seeds`, the recipe's and those after it; `precisions` as for `export`, of
    the recipe's student from its own seed; `groups` of rows, none named: all."""

    steps: int
    seeds: int = 1
    precisions: tuple[str, ...] = ("fp32", "fp16", "int8")
    groups: tuple[str, ...] = ()
    beside: tuple[Recipe, ...] = ()


def whole_table(recipe: Recipe, out: Path, wanted: TableRequest, watch: Watch) -> dict[str, Any]:
    """JSON-able: `teacher` and `rows`, each with parameters, steps, score and interval. StoppedError keeps what is done.

    VariantError where a precision is unknown, RecipeError where a group is."""
    steps, precisions = wanted.steps, wanted.precisions
    read_kinds(",".join(precisions))
    rows, training, folder = rows_of(recipe, steps, wanted.beside, wanted.groups), out / TRAINING, out / f"table-{steps}"
    for row in rows:
        check_recipe(row.recipe)
    with folder_lock(training):
        evaluator_and_teacher(recipe, training, Stages(training / "stages.json"), watch)
        stages, judge = Stages(folder / "stages.json"), folder / "judge"
        taught = {"teacher": digest_of(training / "teacher"), "evaluator": digest_of(training / EVALUATOR)}
        with watch.at_once():
            asked = taught | {"prompts": recipe.export.prompts, "steps": recipe.export.teacher_steps}
            do_stage(stages, "judge", asked, watch, lambda: _keep(judge / ROW, write_judge(recipe, training, judge)))
        # Seed by seed: whoever stops early has a whole table, of fewer seeds.
        by_seed = [[row.from_seed(recipe.seed + more) for row in rows] for more in range(wanted.seeds)]
        for count, trainings in enumerate(by_seed, 1):
            for index, row in enumerate(trainings, 1):
                watch.say(f"seed {count} of {wanted.seeds}, row {index} of {len(rows)}: {row.group}: {row.name}")
                do_stage(stages, row.folder, taught | _trained(row), watch, partial(_train, row, training, folder, watch))
            with watch.at_once():
                stored = {"student": digest_of(folder / rows[0].folder / "student"), "precisions": precisions}
                do_stage(stages, "precisions", stored, watch, lambda: _store(recipe, rows[0], precisions, training, folder))
                result = _result(recipe, by_seed[:count], steps, folder)
                _keep(folder / "table.json", result)
                (folder / "table.md").write_text(table_text(result) + "\n")
    return result


def _trained(row: Row) -> dict[str, Any]:
    """What a row's student follows from, beside those who teach and judge it."""
    phases = [as_made(phase) for phase in row.recipe.phases]
    return {"student": as_made(row.recipe.student), "phases": phases, "seed": row.recipe.seed}


def _train(row: Row, training: Path, folder: Path, watch: Watch) -> None:
    from stillhouse_models.distil import distil

    place = folder / row.folder
    distil(row.recipe, training, place, watch=watch)
    with watch.at_once():
        _keep(place / ROW, score_student(place / "student", folder / "judge", row.recipe.student.steps))
    # Only a training that goes on needs them, and they are ten times the student.
    for checkpoint in place.glob("*.pt"):
        checkpoint.unlink()


def _store(recipe: Recipe, row: Row, precisions: tuple[str, ...], training: Path, folder: Path) -> None:
    wanted = recipe.export
    export_version(
        ExportRequest(
            model=recipe.name, version=VERSION, source=recipe.source, student=folder / row.folder / "student",
            teacher=training / "teacher", evaluator=training / EVALUATOR, out=folder, description="A table's student",
            steps=recipe.student.steps, precisions=precisions, prompts=wanted.prompts, teacher_steps=wanted.teacher_steps,
            teacher_guidance=recipe.teacher.guidance,
        )
    )  # fmt: skip


def _result(recipe: Recipe, by_seed: list[list[Row]], steps: int, folder: Path) -> dict[str, Any]:
    """`by_seed`: the same rows, from one seed after the other."""
    scored = [[json.loads((folder / row.folder / ROW).read_text()) for row in rows] for rows in by_seed]
    names = [{"group": row.group, "name": row.name} for row in by_seed[0]]
    found = [name | row for name, row in zip(names, rows_over_seeds(scored), strict=True)]
    # The same networks: a graph's own count leaves out what its exporter folded away.
    shape = {key: found[0][key] for key in ("parameters", "steps", "evaluations")}
    for variant in read_manifest(folder / recipe.name / VERSION)["variants"]:
        if "scores" not in variant:
            continue
        found.append({"group": "precision", "name": variant["name"]} | shape | row_scores(variant["scores"]))
    return {
        "recipe": recipe.name, "trainingSteps": steps, "batchSize": recipe.student.batch_size,
        "seeds": [rows[0].recipe.seed for rows in by_seed],
        "prompts": recipe.export.prompts, "teacher": json.loads((folder / "judge" / ROW).read_text()), "rows": found,
    }  # fmt: skip


def _keep(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n")

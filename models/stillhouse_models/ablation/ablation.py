"""Train every variant of a recipe for the same number of steps and say what came out. Started again, it goes on."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stillhouse_models.ablation.ablation_table import ablation_table, summaries
from stillhouse_models.ablation.held_out import HeldOut
from stillhouse_models.ablation.variants import GROUPS, Variant, variants_of
from stillhouse_models.progress import progress
from stillhouse_models.recipe import Recipe
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.weights import Painter, load_painter

ROWS, TABLE, SUMMARY = "rows.jsonl", "ablation.md", "ablation.json"


def ablation(recipe: Recipe, training: Path, out: Path, steps: int, seeds: int, groups: tuple[str, ...] = GROUPS) -> str:
    """`training` holds teacher and evaluator; `out` gets a row a variant and seed, and the table, which is returned."""
    torch.set_flush_denormal(True)
    teacher = load_painter(training / "teacher")
    for network in (teacher.unet, teacher.encoder):
        network.requires_grad_(False)
    out.mkdir(parents=True, exist_ok=True)
    rows = _rows(out / ROWS)
    done = {(row["group"], row["name"], row["seed"], row["steps"]) for row in rows}
    wanted = [(variant, recipe.seed + i) for i in range(seeds) for variant in variants_of(recipe, groups)]
    missing = [(v, seed) for v, seed in wanted if (v.group, v.name, seed, steps) not in done]
    with progress("steps", steps * len(_different(missing))) as advance:
        for variant, seed in missing:
            trained = _trained_before(variant, seed, rows, wanted, steps)
            row = trained or _measured(variant, seed, teacher, training, steps, advance)
            rows.append(row | {"group": variant.group, "name": variant.name})
            with (out / ROWS).open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    names = {(v.group, v.name) for v, _ in wanted}
    found = summaries([row for row in rows if row["steps"] == steps and (row["group"], row["name"]) in names])
    (out / SUMMARY).write_text(
        json.dumps({"recipe": recipe.name, "steps": steps, "seeds": seeds, "rows": found}, indent=1) + "\n"
    )
    table = ablation_table(found)
    (out / TABLE).write_text(table)
    return table


def _different(pairs: list[tuple[Variant, int]]) -> set[str]:
    """The trainings behind some rows: the recipe as it stands is a row of several groups."""
    return {f"{seed} {variant.recipe}" for variant, seed in pairs}


def _trained_before(variant: Variant, seed: int, rows: list[dict], wanted: list[tuple[Variant, int]], steps: int) -> dict | None:
    same = {(v.group, v.name) for v, _ in wanted if v.recipe == variant.recipe}
    return next(
        (row for row in rows if (row["group"], row["name"]) in same and (row["seed"], row["steps"]) == (seed, steps)), None
    )


def _rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _measured(variant: Variant, seed: int, teacher: Painter, training: Path, steps: int, advance: Callable[[], None]) -> dict:
    recipe = replace(variant.recipe, seed=seed)
    run = StudentRun(recipe, teacher)
    if recipe.student.start == "teacher":
        run.start_from_teacher()
    begun = time.process_time()
    for step in range(steps):
        run.step(variant.phase, step / steps)
        advance()
    spent = time.process_time() - begun
    judge = Judge(run.sprites, load_evaluator(run.sprites, training / "evaluator.safetensors"))
    shares = judge(lambda texts, noise: _paint(run, texts, noise))
    return {
        "seed": seed, "steps": steps,
        "parameters": sum(p.numel() for p in run.student.parameters()),
        "cpuMsPerStep": 1000 * spent / steps, "mse": HeldOut(recipe, teacher, run.sprites).error(run),
        "parts": shares["parts"], "every": shares["every"],
    }  # fmt: skip


def _paint(run: StudentRun, texts: list[str], noise: Tensor) -> Tensor:
    with torch.no_grad(), run.average.in_place_of(run.student):
        context = run.teacher.encoder(token_ids(run.teacher.tokenizer, texts))
        return sample(lambda x, t: run.student.clean(x, t, context), noise, sigmas(run.recipe.student.steps))

"""A kept student scored on a table's evaluation set, by the definition that devices have."""

from pathlib import Path
from typing import Any

import torch

from stillhouse_models.evaluation_set import write_evaluation_set
from stillhouse_models.export import ExportRequest, write_evaluator
from stillhouse_models.quality.evaluation_folder import EvaluationFolder
from stillhouse_models.quality.measure_variant import judge
from stillhouse_models.ready_parts import EVALUATOR
from stillhouse_models.recipe import Recipe
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.variants.parity import torch_pipeline
from stillhouse_models.weights import load_painter

SHIFT = ExportRequest.shift


def write_judge(recipe: Recipe, training: Path, folder: Path) -> dict[str, Any]:
    """Evaluator, prompts and the teacher's pictures into `folder`, as a version has them. Returns the teacher's row."""
    sprites, teacher, wanted = SOURCES[recipe.source](), load_painter(training / "teacher", "teacher-unet"), recipe.export
    write_evaluator(folder, sprites, training / EVALUATOR)
    guidance = recipe.teacher.guidance
    scores = write_evaluation_set(folder, sprites, teacher, wanted.prompts, wanted.teacher_steps, guidance)
    # A guided step asks the network twice.
    evaluations = wanted.teacher_steps * (1 if guidance == 1 else 2)
    return {"parameters": teacher.parameters(), "steps": wanted.teacher_steps, "evaluations": evaluations} | row_scores(scores)


@torch.no_grad()
def score_student(student: Path, judge_folder: Path, steps: int) -> dict[str, Any]:
    painter = load_painter(student)
    pipeline, period = torch_pipeline(painter, SHIFT), int(painter.unet.config["patch"])
    measured = judge(EvaluationFolder.load(judge_folder), lambda prompt, seed: pipeline.sample(prompt, seed, steps), period)
    return {"parameters": painter.parameters(), "steps": steps, "evaluations": steps} | row_scores(measured.scores())


def row_scores(scores: dict[str, Any]) -> dict[str, Any]:
    """What a table shows of the manifest's Scores."""
    fidelity = scores.get("fidelity")
    bounds = {end: scores["interval"][end] for end in ("low", "high")}
    return {
        "score": scores["quality"], "interval": bounds, "adherence": scores["adherence"], "whole": scores["whole"],
        "psnrDb": fidelity and fidelity["psnrDb"],
    }  # fmt: skip

"""A contact sheet of a version: the teacher's pictures and the student's, side by side, prompts below."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from stillhouse_models.manifest import read_manifest
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.training.sheet import save_sheet


def compare_sheet(version: Path, out: Path, count: int, side: int, columns: int) -> None:
    """Teacher left, student right, at the version's own evaluation prompts and seeds."""
    variant = read_manifest(version)["variants"][0]
    rows = json.loads((version / "evaluation/evaluation.json").read_text())["prompts"][:count]
    pipeline = Pipeline.load(version / variant["folder"])
    student = np.stack([pipeline(row["prompt"], row["seed"], variant["steps"]) for row in rows])
    teacher = np.stack([np.asarray(Image.open(version / row["teacher"]["picture"]).convert("RGB")) for row in rows])
    save_sheet([teacher, student], [row["prompt"] for row in rows], out, side, columns)


def prompt_sheet(version: Path, prompts: list[str], seed: int, out: Path, side: int, columns: int) -> None:
    """Pictures by the student for any prompts."""
    variant = read_manifest(version)["variants"][0]
    pipeline = Pipeline.load(version / variant["folder"])
    pictures = np.stack([pipeline(prompt, seed + i, variant["steps"]) for i, prompt in enumerate(prompts)])
    save_sheet([pictures], prompts, out, side, columns)

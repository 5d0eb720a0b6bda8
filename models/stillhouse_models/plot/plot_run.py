"""Pictures of a run: loss curves, quality over the phases, and teacher beside student at equal seeds."""

import shutil
from pathlib import Path

import matplotlib

from stillhouse_models.faults import ToolkitError
from stillhouse_models.judge_student import SHEET
from stillhouse_models.manifest import MANIFEST, TRAINING
from stillhouse_models.plot.curves import loss_figure, quality_figure
from stillhouse_models.training.metrics import read_metrics

VERSION_SHEET_PICTURES = 24


def plot_run(folder: Path, out: Path | None = None) -> list[Path]:
    """`folder`: what a run was given as --out, or the folder of a student's or a teacher's log. Returns the PNGs written."""
    matplotlib.use("Agg")
    training = folder / TRAINING if (folder / TRAINING).is_dir() else folder
    logs = {name: rows for name, file in _logs(training).items() if (rows := read_metrics(file))}
    if not logs:
        raise ToolkitError(f"{folder} holds no log of a training: expected student.jsonl, teacher.jsonl or evaluator.jsonl")
    target = out or training / "plots"
    target.mkdir(parents=True, exist_ok=True)
    written = [loss_figure(rows, name, target / f"losses-{name}.png") for name, rows in logs.items()]
    written += [quality_figure(rows, name, target / f"quality-{name}.png") for name, rows in logs.items() if name != "evaluator"]
    return [file for file in written if file is not None] + _sheets(folder, training, target)


def _logs(training: Path) -> dict[str, Path]:
    student = training / "student/student.jsonl"
    return {
        "evaluator": training / "evaluator.jsonl",
        "teacher": training / "teacher.jsonl",
        "student": student if student.exists() else training / "student.jsonl",
    }


def _sheets(folder: Path, training: Path, target: Path) -> list[Path]:
    """Of the networks as they were judged after training, and of the exported version's first variant."""
    files = []
    if (training / SHEET).exists():
        files.append(Path(shutil.copy(training / SHEET, target / SHEET)))
    if (folder / MANIFEST).exists():
        from stillhouse_models.compare_sheet import compare_sheet

        files.append(target / "version.png")
        compare_sheet(folder, files[-1], VERSION_SHEET_PICTURES, side=96, columns=6)
    return files

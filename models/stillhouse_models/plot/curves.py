"""Curves over the steps of a training, from its log."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

NOT_A_LOSS = {"time", "phase", "step", "spent", "pictures", "seconds", "start", "parameters", "closed", "undone", "final"}
QUALITY = {
    "likeness": "like the teacher",
    "parts": "parts found",
    "every": "pictures whole",
    "every_single": "single objects whole",
    "every_pair": "pairs whole",
}
Rows = list[dict[str, Any]]


def loss_figure(rows: Rows, name: str, file: Path) -> Path | None:
    """One panel a loss, each with its own scale; None where the log has no losses."""
    trained = [row for row in rows if not row.get("start") and not QUALITY.keys() & row.keys() and _numbers(row)]
    losses = sorted({key for row in trained for key in _numbers(row)})
    if name == "evaluator":
        losses = [each for each in losses if each == "loss"]
    if not losses:
        return None
    figure = Figure(figsize=(8, 1.2 + 1.8 * len(losses)), layout="constrained")
    for axes, loss in zip(_panels(figure, len(losses)), losses, strict=True):
        points = [(row["step"], row[loss]) for row in trained if loss in row and row[loss] > 0]
        axes.plot([step for step, _ in points], [value for _, value in points], linewidth=1)
        axes.set_ylabel(loss)
        axes.set_yscale("log")
        _mark_phases(axes, rows)
    _finish(figure, f"{name}: losses", file)
    return file


def quality_figure(rows: Rows, name: str, file: Path) -> Path | None:
    """Shares of held-out prompts, as judged on the way and (dots) at the end of each phase; undone ones crossed out."""
    judged = [row for row in rows if QUALITY.keys() & row.keys()]
    if not judged:
        return None
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    (axes,) = _panels(figure, 1)
    for key, label in QUALITY.items():
        told = [row for row in judged if key in row]
        if not told:
            continue
        (line,) = axes.plot([row["step"] for row in told], [row[key] for row in told], linewidth=1, label=label)
        for row in told:
            if row.get("closed"):
                axes.plot(row["step"], row[key], marker="x" if row.get("undone") else "o", color=line.get_color())
    axes.set_ylim(0, 1)
    axes.set_ylabel("share")
    axes.legend(loc="best", fontsize="small")
    _mark_phases(axes, rows)
    _finish(figure, f"{name}: quality on held-out prompts", file)
    return file


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {key: value for key, value in row.items() if key not in NOT_A_LOSS and isinstance(value, int | float)}


def _panels(figure: Figure, count: int) -> list[Axes]:
    return list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _mark_phases(axes: Axes, rows: Rows) -> None:
    for row in rows:
        if row.get("closed"):
            axes.axvline(row["step"], color="grey", linewidth=0.6, linestyle=":")
            axes.annotate(row["phase"], (row["step"], 1), xycoords=("data", "axes fraction"), fontsize=7, ha="right", va="top")


def _finish(figure: Figure, title: str, file: Path) -> None:
    figure.suptitle(title)
    figure.axes[-1].set_xlabel("step")
    figure.savefig(file, dpi=110)

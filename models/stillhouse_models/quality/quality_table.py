"""The result of evaluate_version for people: a row a variant, the teacher first."""

from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from stillhouse_models.inference_precision import not_judged_text

COLUMNS = ("variant", "score", "95 %", "adherence", "whole", "PSNR dB", "SSIM", "perceptual",
           "grid", "seams", "clipped", "sharpness", "flat", "no number", "diversity", "by seed")  # fmt: skip


def quality_table(result: dict[str, Any]) -> str:
    table = Table(title=f"{result['model']}@{result['version']}, {result['prompts']} prompts")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "variant" else "right")
    for name, row in [("teacher", result["teacher"]), *((variant["name"], variant) for variant in result["variants"])]:
        table.add_row(name, *_cells(row))
    text = StringIO()
    Console(file=text, width=200).print(table)
    return text.getvalue() + "\n".join(not_judged_text(result["notJudged"]))


def _cells(row: dict[str, Any]) -> list[str]:
    interval, fidelity, artifacts = row["interval"] or {}, row["fidelity"] or {}, row["artifacts"] or {}
    diversity = row["diversity"]
    bounds = f"{interval['low']:.2f}-{interval['high']:.2f}" if interval else "-"
    return [
        f"{row['score']:.2f}", bounds, f"{row['adherence']:.3f}", f"{row['whole']:.0%}",
        *(_number(fidelity.get(name), digits) for name, digits in (("psnrDb", 1), ("ssim", 3), ("perceptual", 3))),
        *(_number(artifacts.get(name), digits) for name, digits in (("grid", 3), ("seams", 2), ("clipping", 3))),
        *(_number(artifacts.get(name), digits) for name, digits in (("sharpness", 1), ("flat", 2), ("nonFinite", 2))),
        *(_number(diversity.get(name), 1) for name in ("levels", "seedLevels")),
    ]  # fmt: skip


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"

"""An ablation's rows, averaged over their seeds, as JSON-able values and as Markdown."""

import itertools
from typing import Any

import numpy as np

MEASURES = ("mse", "parts", "every")


def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One a variant, in the order of its first row: means over seeds, and each measure's smallest and largest value."""
    order = list(dict.fromkeys((row["group"], row["name"]) for row in rows))
    return [_summary([row for row in rows if (row["group"], row["name"]) == key]) for key in order]


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    kept = {key: first[key] for key in ("group", "name", "parameters")} | {"seeds": len(rows)}
    kept["cpuMsPerStep"] = float(np.mean([row["cpuMsPerStep"] for row in rows]))
    for measure in MEASURES:
        values = [row[measure] for row in rows]
        kept[measure] = {"mean": float(np.mean(values)), "low": min(values), "high": max(values)}
    return kept


def ablation_table(found: list[dict[str, Any]]) -> str:
    """A table a group. Brackets hold the smallest and the largest value of the seeds."""
    parts = []
    for group, rows in itertools.groupby(found, key=lambda row: row["group"]):
        parts.append(f"| {group} | parameters | CPU ms a step | mse to the teacher | parts right | every part right |")
        parts.append("|---|---|---|---|---|---|")
        parts.extend(_line(row) for row in rows)
        parts.append("")
    return "\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    mse = f"{row['mse']['mean']:.4f} [{row['mse']['low']:.4f}, {row['mse']['high']:.4f}]"
    shares = [f"{m['mean']:.0%} [{m['low']:.0%}, {m['high']:.0%}]" for m in (row["parts"], row["every"])]
    return f"| {row['name']} | {row['parameters']:,} | {row['cpuMsPerStep']:.0f} | {mse} | {' | '.join(shares)} |"

"""A table for people and for a README: Markdown, the teacher first."""

from typing import Any

COLUMNS = (
    "",
    "parameters",
    "of the teacher's",
    "network evaluations",
    "quality{}",
    "adherence",
    "every part right",
    "PSNR to the teacher",
)
DIFFERENCE = "difference from the recipe's student [95 %]"


def table_text(result: dict[str, Any]) -> str:
    teacher, seeds = result["teacher"], result["seeds"]
    of_seeds = " (of the seeds)" if len(seeds) > 1 else " [95 %]"
    columns = [column.format(of_seeds) for column in COLUMNS] + [DIFFERENCE] * (len(seeds) > 1)
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, row in [("teacher", teacher), *((f"{row['group']}: {row['name']}", row) for row in result["rows"])]:
        cells = _cells(name, row, teacher["parameters"])
        lines.append(f"| {' | '.join(cells + [_difference(row)] * (len(seeds) > 1))} |")
    told = f"{result['recipe']}: {result['trainingSteps']} training steps of {result['batchSize']} pictures a row"
    from_seeds = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return "\n".join((*lines, "", f"{told}, {from_seeds}, {result['prompts']} prompts; {_intervals(len(seeds))}."))


def _intervals(seeds: int) -> str:
    if seeds == 1:
        return "the interval is over prompts; what another seed would change is not in it"
    return "in square brackets intervals of 95 %: of a score over prompts, of a difference over seeds, for all rows together"


def _cells(name: str, row: dict[str, Any], teacher: int) -> list[str]:
    share = "1" if row["parameters"] == teacher else f"1/{teacher / row['parameters']:.1f}"
    psnr = "" if row.get("psnrDb") is None else f"{row['psnrDb']:.1f} dB"
    return [
        name, f"{row['parameters']:,}", share, str(row["evaluations"]), _quality(row), f"{row['adherence']:.3f}",
        f"{row['whole']:.0%}", psnr,
    ]  # fmt: skip


def _quality(row: dict[str, Any]) -> str:
    if "scores" in row:
        return f"{row['score']:.2f} ({', '.join(f'{score:.2f}' for score in row['scores'])})"
    return f"{row['score']:.2f} [{row['interval']['low']:.2f}, {row['interval']['high']:.2f}]"


def _difference(row: dict[str, Any]) -> str:
    if "difference" not in row:
        return ""
    value, low, high = (row["difference"][end] for end in ("value", "low", "high"))
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"

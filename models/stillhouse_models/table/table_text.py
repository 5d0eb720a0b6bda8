"""A table for people and for a README: Markdown, the teacher first."""

from typing import Any

COLUMNS = (
    "", "parameters", "of the teacher's", "network evaluations", "quality [95 %]", "adherence", "every part right",
    "PSNR to the teacher",
)  # fmt: skip


def table_text(result: dict[str, Any]) -> str:
    teacher = result["teacher"]["parameters"]
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", _line("teacher", result["teacher"], teacher)]
    lines += [_line(f"{row['group']}: {row['name']}", row, teacher) for row in result["rows"]]
    told = f"{result['recipe']}: {result['trainingSteps']} training steps of {result['batchSize']} pictures a row"
    return "\n".join((*lines, "", f"{told}, seed {result['seed']}, {result['prompts']} prompts; the interval is over prompts."))


def _line(name: str, row: dict[str, Any], teacher: int) -> str:
    low, high = row["interval"]["low"], row["interval"]["high"]
    share = "1" if row["parameters"] == teacher else f"1/{teacher / row['parameters']:.1f}"
    psnr = "" if row.get("psnrDb") is None else f"{row['psnrDb']:.1f} dB"
    cells = (
        name, f"{row['parameters']:,}", share, str(row["evaluations"]), f"{row['score']:.2f} [{low:.2f}, {high:.2f}]",
        f"{row['adherence']:.3f}", f"{row['whole']:.0%}", psnr,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"

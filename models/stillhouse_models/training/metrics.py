"""A training's figures, one JSON object a line, so that a run can be read while it goes on and plotted afterwards."""

import json
import time
from pathlib import Path

DIGITS = 6


class MetricsLog:
    """`echo`: also to standard output."""

    def __init__(self, path: Path, echo: bool = True):
        self.path, self.echo = path, echo
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **figures: object) -> None:
        row = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | figures
        text = json.dumps({key: round(value, DIGITS) if isinstance(value, float) else value for key, value in row.items()})
        with self.path.open("a") as file:
            file.write(text + "\n")
        if self.echo:
            print(text, flush=True)

    def forget_after(self, step: int) -> None:
        """Drops the rows of later steps, and a last row that a kill cut off."""
        rows = [row for row in read_metrics(self.path) if row.get("step", 0) <= step]
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text("".join(json.dumps(row) + "\n" for row in rows))
        fresh.replace(self.path)


def read_metrics(path: Path) -> list[dict]:
    """The rows of a log, oldest first; empty where there is none. A row that a kill cut off is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows

"""A training's figures, one JSON object a line, so that a run can be read while it goes on and plotted afterwards."""

import json
import time
from pathlib import Path

DIGITS = 6


class MetricsLog:
    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **figures: object) -> None:
        row = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | figures
        text = json.dumps({key: round(value, DIGITS) if isinstance(value, float) else value for key, value in row.items()})
        with self.path.open("a") as file:
            file.write(text + "\n")
        print(text, flush=True)

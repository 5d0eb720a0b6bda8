"""How a phase's losses fell, in a few points: what a doctor can tell "still learning" from "learnt out" by."""

import json
from pathlib import Path

POINTS = 12


def phase_curve(log: Path, phase: str, points: int = POINTS) -> list[dict[str, float]]:
    """Means over equal shares of the phase's logged steps, oldest first: {"step": last step of the share, loss: mean, ...}.

    `log` is a metrics log; where a killed run logged a step twice, the later row counts.
    """
    rows: dict[int, dict[str, float]] = {}
    for line in log.read_text().splitlines():
        row = json.loads(line)
        if row.get("phase") == phase and "mse" in row:
            losses = {name: value for name, value in row.items() if name not in ("time", "phase", "step", "spent")}
            rows[row["step"]] = {name: value for name, value in losses.items() if isinstance(value, int | float)}
    steps = sorted(rows)
    count = min(points, len(steps))
    shares = [steps[len(steps) * i // count : len(steps) * (i + 1) // count] for i in range(count)]
    return [
        {"step": share[-1]} | {name: sum(rows[s].get(name, 0.0) for s in share) / len(share) for name in rows[share[-1]]}
        for share in shares
    ]

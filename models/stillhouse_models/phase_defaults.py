"""What a phase does where the recipe does not say it, by its name: for large teachers. Small ones learn at higher rates."""

from collections.abc import Collection
from typing import Any

_ALL_LOSSES = {"mse": 1.0, "feature": 0.1, "gram": 0.05, "kl": 0.02}

DEFAULT_PHASES: dict[str, dict[str, Any]] = {
    "warm-up": {"steps": 2_000, "rate": 1e-4, "losses": {"mse": 1.0}},
    "main": {"steps": 20_000, "rate": 5e-5, "losses": _ALL_LOSSES},
    "fine-tuning": {"steps": 4_000, "rate": 1e-5, "losses": _ALL_LOSSES, "frozen": ["stem", "conditioning"]},
}


def phase_tables(named: list[dict[str, Any]], losses: Collection[str]) -> list[dict[str, Any]]:
    """The recipe's phases with what they leave out, of losses only those that there are; all three where it names none."""
    return [_completed(phase, losses) for phase in named or [{"name": name} for name in DEFAULT_PHASES]]


def _completed(phase: dict[str, Any], losses: Collection[str]) -> dict[str, Any]:
    defaults = dict(DEFAULT_PHASES.get(phase.get("name", ""), {}))
    if "losses" in defaults:
        defaults["losses"] = {name: weight for name, weight in defaults["losses"].items() if name in losses}
    if "seconds" in phase or "steps" in phase:
        defaults.pop("steps", None)
    return defaults | phase

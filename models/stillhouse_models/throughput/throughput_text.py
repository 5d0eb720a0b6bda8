"""Throughput for people: the ratios as a table of Markdown, then what rendering costs."""

from typing import Any

from stillhouse_models.throughput.plain_loop import CHOICES
from stillhouse_models.throughput.throughput import OURS


def throughput_text(result: dict[str, Any]) -> str:
    speed = result["picturesPerSecond"]
    rows = [f"| {_name(name)} | {_ratio(loop, 'ratio')} | {_ratio(loop, 'cpuRatio')} |" for name, loop in result["loops"].items()]
    return "\n".join(
        (
            f"| ÷ a plain PyTorch loop ({speed['plain']:.1f} pictures/s) | speed on the wall's clock | by its own computing |",
            "|---|---|---|",
            *rows,
            "",
            f"medians and extremes of {result['rounds']} rounds, batch {result['batchSize']}, {result['threads']} threads",
            f"rendering: {speed['rendering']:.0f} pictures/s, {result['renderingShare']:.1%} of a training step's computing",
        )
    )


def _name(name: str) -> str:
    return "this toolkit's loop" if name == OURS else f"plain with {name}" + (f": {CHOICES[name]}" if name in CHOICES else "")


def _ratio(loop: dict[str, float], key: str) -> str:
    return f"{loop[key]:.2f} ({loop[f'{key}Low']:.2f} to {loop[f'{key}High']:.2f})"

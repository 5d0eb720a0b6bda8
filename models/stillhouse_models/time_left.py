"""How far a work is, in words."""

from collections.abc import Mapping

SHOWN_FIGURES = 3


def rate_and_time_left(
    done: float, total: float, unit: str, done_here: float, seconds_here: float, figures: Mapping[str, float]
) -> str:
    """`done_here` units took `seconds_here` seconds; with units of "seconds" the rate is the share of time that counted.

    >>> rate_and_time_left(30, 90, "steps", 20, 10.0, {"mse": 0.04321})
    '30 of 90 steps, 2.0 steps/s, 30 s left, mse 0.0432'
    """
    parts = [f"{min(done, total):.0f} of {total:.0f} {unit}"]
    if done_here > 0 and seconds_here > 0:
        rate = done_here / seconds_here
        if unit != "seconds":
            parts.append(f"{rate:.1f} {unit}/s")
        parts.append(f"{duration(max(0.0, total - done) / rate)} left")
    parts += [f"{name} {value:.3g}" for name, value in list(figures.items())[:SHOWN_FIGURES]]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Two units at most: 42 s, 5 min 3 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

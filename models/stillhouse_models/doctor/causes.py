"""Why a student falls short of its teacher: each cause with the strength of its evidence, the numbers, and what to do.

Strengths are 0..1 and only order the causes. Nothing here reads a file: facts in, causes out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stillhouse_models.doctor.facts import Facts

PIXEL_LOSSES = ("mse", "truth", "progressive", "consistency")
FEATURE_LOSSES = ("feature", "gram", "kl")
# Of the weighted sum: with less, the pictures themselves hardly count.
LEAST_PIXEL_SHARE = 0.25
# The student's channels by the teacher's: [32, 64, 128] for [128, 256, 512].
USUAL_WIDTH = 0.25
# What doubling the steps of training must promise to be worth them.
STILL_FALLING = 0.1
FEWEST_POINTS = 4
# As much as a picture can gain by more denoising steps before anything else is worth a look.
LARGE_PSNR_GAIN_DB = 6.0
LEAST_PSNR_GAIN_DB = 1.0


@dataclass(frozen=True)
class Cause:
    """`remedy` is one of more-steps, loss-weights, feature-weight, longer-main-phase, more-channels."""

    remedy: str
    strength: float
    why: str
    do: str


def causes(facts: Facts) -> list[Cause]:
    """Strongest first; empty where nothing is known that could be changed."""
    found = [_more_steps(facts), _loss_weights(facts), _longer_main_phase(facts), _more_channels(facts)]
    known = sorted((cause for cause in found if cause is not None), key=lambda cause: -cause.strength)
    return known or _learnt_out(facts)


def _more_steps(facts: Facts) -> Cause | None:
    """By experiment: the same weights with twice and four times the steps."""
    gap = max(0.05, facts.teacher["adherence"] - facts.main["adherence"])
    best: Cause | None = None
    for trial in facts.trials:
        strength = 0.0
        if trial.adherence_gain_low > 0:
            strength = min(1.0, trial.adherence_gain / gap)
        if trial.psnr_gain_db is not None and trial.psnr_gain_db >= LEAST_PSNR_GAIN_DB:
            strength = max(strength, min(1.0, trial.psnr_gain_db / LARGE_PSNR_GAIN_DB))
        if strength > (best.strength if best else 0.0):
            decibels = "" if trial.psnr_gain_db is None else f", PSNR to the teacher by {trial.psnr_gain_db:+.1f} dB"
            best = Cause(
                "more-steps", strength,
                f"{trial.steps} instead of {facts.main['steps']} denoising steps change adherence by {trial.adherence_gain:+.3f} "
                f"(at least {trial.adherence_gain_low:+.3f} at 95 %){decibels}, with the same weights",
                f"export with --steps {trial.steps}, or train for {facts.main['steps']} steps ([student] steps)",
            )  # fmt: skip
    return best


def _loss_weights(facts: Facts) -> Cause | None:
    phase = main_phase(facts.phases)
    parts = loss_parts(phase)
    if phase is None or not parts:
        return None
    pixels, features = (sum(parts.get(name, 0.0) for name in names) for names in (PIXEL_LOSSES, FEATURE_LOSSES))
    share = pixels / max(pixels + features, 1e-12)
    if share >= LEAST_PIXEL_SHARE:
        return None
    told = ", ".join(f"{name} {part / sum(parts.values()):.0%}" for name, part in sorted(parts.items(), key=lambda p: -p[1]))
    factor = features / max(pixels, 1e-12)
    return Cause(
        "loss-weights", 1 - share / LEAST_PIXEL_SHARE,
        f"of what phase {phase['name']!r} minimised, the pixels were {share:.1%} ({told})",
        f"divide the weights of its feature losses by about {factor:.0f}, so that pixels make up half",
    )  # fmt: skip


def _longer_main_phase(facts: Facts) -> Cause | None:
    phase = main_phase(facts.phases)
    if phase is None or not phase.get("curve"):
        return None
    curve, name = phase["curve"], phase["name"]
    if len(curve) < FEWEST_POINTS:
        return Cause(
            "longer-main-phase", 0.9,
            f"phase {name!r} ended after {curve[-1]['step']} steps in all, with {len(curve)} logged means: "
            "its loss had no time to fall",
            "give it at least ten times as many steps",
        )  # fmt: skip
    fall = fall_if_doubled(curve)
    if fall < STILL_FALLING:
        return None
    key, middle, last = curve_loss(curve), curve[len(curve) // 2], curve[-1]
    return Cause(
        "longer-main-phase", fall,
        f"the loss of phase {name!r} was still falling when it ended ({key} {middle[key]:.3f} at step "
        f"{middle['step']}, {last[key]:.3f} at {last['step']}): twice the steps promise {fall:.0%} less",
        "double the phase's budget, in a folder of its own",
    )  # fmt: skip


def _more_channels(facts: Facts) -> Cause | None:
    mine, theirs = facts.student_channels, facts.teacher_channels
    if not mine or not theirs:
        return None
    width = float(np.mean([m / t for m, t in zip(mine, theirs, strict=False)]))
    if width >= USUAL_WIDTH:
        return None
    return Cause(
        "more-channels", 1 - width / USUAL_WIDTH,
        f"the student's channels {mine} are {width:.2f} of the teacher's {theirs}; a quarter is usual",
        f"channels = {[int(m * USUAL_WIDTH / width) for m in mine]}",
    )  # fmt: skip


def _learnt_out(facts: Facts) -> list[Cause]:
    """Neither steps nor weights nor time: what is left is how much the student can hold."""
    phase = main_phase(facts.phases)
    if phase is None or not phase.get("curve") or not facts.student_channels:
        return []
    fall = fall_if_doubled(phase["curve"])
    return [
        Cause(
            "more-channels", 0.1,
            f"phase {phase['name']!r} had learnt out (twice the steps promise {fall:.0%} less loss), and neither "
            "more denoising steps nor the weights of the losses explain the rest",
            f"channels = {[round(1.5 * m) for m in facts.student_channels]}",
        )
    ]  # fmt: skip


def main_phase(phases: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The phase that took the most steps, of those that were kept. A row's steps count from the beginning of the run."""
    best, most, before = None, -1, 0
    for phase in phases:
        if not phase.get("undone") and phase["steps"] - before > most:
            best, most = phase, phase["steps"] - before
        before = phase["steps"]
    return best


def loss_parts(phase: dict[str, Any] | None) -> dict[str, float]:
    """Loss -> its share of what was minimised at the end of the phase, weighted, not normed; empty where no weights are kept."""
    if phase is None:
        return {}
    weights = phase.get("weights") or {}
    return {name: weight * phase["losses"][name] for name, weight in weights.items() if name in phase["losses"]}


def curve_loss(curve: list[dict[str, float]]) -> str:
    return next((name for name in PIXEL_LOSSES if name in curve[-1]), next(name for name in curve[-1] if name != "step"))


def fall_if_doubled(curve: list[dict[str, float]]) -> float:
    """By how much the loss would fall, 0..1, if twice as many steps went on as the later half of these did.

    Losses fall about as a power of the steps: the slope is fitted between logarithms.
    """
    key, later = curve_loss(curve), curve[-max(3, len(curve) // 2) :]
    steps, losses = np.log([point["step"] for point in later]), np.log([max(point[key], 1e-12) for point in later])
    slope = float(np.polyfit(steps, losses, 1)[0]) if len(later) > 1 else 0.0
    return float(np.clip(1 - 2**slope, 0, 1))

"""Training throughput of this toolkit's student loop, and of single choices, against a plain PyTorch loop, by turns.

By turns, because a machine's speed drifts: each round times every loop, and a ratio is the median of the rounds' ratios. Two
clocks: on the wall, which others on the machine disturb, and this process's own computing, which other processes' help escapes.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.batches import SOURCES, batch
from stillhouse_models.sources.caption import Wording, vocabulary
from stillhouse_models.throughput.plain_loop import PLAIN_RATE, PlainLoop
from stillhouse_models.tokenizer import MAX_LENGTH, build_tokenizer
from stillhouse_models.training.lessons import PAIR_SHARE
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.watch import Watch
from stillhouse_models.weights import Painter, load_painter

# Seconds a step by loop and round, by both clocks.
Times = Mapping[str, Sequence[tuple[float, float]]]
OURS, PLAIN, RENDERING = "ours", "plain", "rendering"


def throughput(recipe: Recipe, steps: int, rounds: int, choices: Mapping[str, frozenset[str]], watch: Watch) -> dict[str, Any]:
    """Pictures a second of each loop, ratios to the plain one with their spread, and rendering's share of our step's time.

    `choices`: plain loops by name, with what is switched on in each.
    """
    torch.set_flush_denormal(True)
    teacher = teacher_of(recipe)
    phase = PhaseRecipe("throughput", None, PLAIN_RATE, {"mse": 1.0, "truth": 1.0}, steps=steps * rounds)
    run = StudentRun(replace(recipe, phases=(phase,)), teacher)
    loops: dict[str, Callable[[], object]] = {
        OURS: lambda: run.step(phase, 0.0),
        PLAIN: PlainLoop(recipe, teacher).step,
        RENDERING: lambda: batch(run.sprites, run.rng, recipe.student.batch_size, PAIR_SHARE, Wording()),
    } | {name: PlainLoop(recipe, teacher, chosen).step for name, chosen in choices.items()}
    for name, step in loops.items():
        watch.say(f"warming up: {name}")
        for _ in range(2):
            step()
            watch.stop_if_asked("nothing was kept")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    for turn in range(rounds):
        # Who goes first changes, so that neither always meets a warm or a hot processor.
        for name in list(loops) if turn % 2 == 0 else list(reversed(loops)):
            times[name].append(_timed(loops[name], steps))
            watch.stop_if_asked("nothing was kept")
        watch.tell("throughput", turn + 1, rounds, "rounds", {})
    return summary(times, recipe.student.batch_size)


def _timed(step: Callable[[], object], steps: int) -> tuple[float, float]:
    wall, own = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return (time.perf_counter() - wall) / steps, (time.process_time() - own) / steps


def summary(times: Times, batch_size: int) -> dict[str, Any]:
    """`ratio` is ours ÷ plain on the wall's clock; `loops` has the same by name, and `cpuRatio` by computing alone."""
    loops = {name: _against(times[PLAIN], times[name], batch_size) for name in times if name not in (PLAIN, RENDERING)}
    share = statistics.median(drawn / ours for (_, drawn), (_, ours) in zip(times[RENDERING], times[OURS], strict=True))
    wall = {name: statistics.median(wall for wall, _ in times[name]) for name in (OURS, PLAIN, RENDERING)}
    return {
        "picturesPerSecond": {name: batch_size / seconds for name, seconds in wall.items()},
        "loops": loops,
        "ratio": loops[OURS]["ratio"],
        "ratioLow": loops[OURS]["ratioLow"],
        "ratioHigh": loops[OURS]["ratioHigh"],
        "renderingShare": share,
        "rounds": len(times[PLAIN]),
        "batchSize": batch_size,
        "threads": torch.get_num_threads(),
    }


def _against(plain: Sequence[tuple[float, float]], loop: Sequence[tuple[float, float]], batch_size: int) -> dict[str, float]:
    wall, own = (sorted(a[clock] / b[clock] for a, b in zip(plain, loop, strict=True)) for clock in (0, 1))
    return {
        "picturesPerSecond": batch_size / statistics.median(seconds for seconds, _ in loop),
        "ratio": statistics.median(wall), "ratioLow": wall[0], "ratioHigh": wall[-1],
        "cpuRatio": statistics.median(own), "cpuRatioLow": own[0], "cpuRatioHigh": own[-1],
    }  # fmt: skip


def teacher_of(recipe: Recipe) -> Painter:
    """The ready one, or one of the recipe's shape with the weights that it begins with: speed does not depend on them."""
    t, sprites = recipe.teacher, SOURCES[recipe.source]()
    if t.ready is not None:
        painter = load_painter(t.ready, "teacher-unet")
    else:
        tokenizer = build_tokenizer(vocabulary(sprites))
        encoder = TextEncoder(vocabulary=tokenizer.get_vocab_size(), length=MAX_LENGTH, width=t.text_width, layers=t.text_layers)
        unet = TeacherUNet(
            channels=list(t.channels), num_res_blocks=t.num_res_blocks, context_channels=t.text_width,
            sample_size=sprites.resolution, patch=t.patch,
        )  # fmt: skip
        painter = Painter(unet.eval(), encoder.eval(), tokenizer)
    for network in (painter.unet, painter.encoder):
        network.requires_grad_(False)
    return painter

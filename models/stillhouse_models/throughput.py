"""Training throughput of this toolkit's student loop against a plain PyTorch loop on the same model, by turns.

The plain loop is what one would write first: the same network, batch, teacher and losses by their definition (mse and truth),
float32, default memory layout, AdamW over all weights, pictures rendered in the loop. By turns, because a machine's speed
drifts: each round times both, and the ratio is the median of the rounds' ratios.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.batches import SOURCES, batch
from stillhouse_models.sources.caption import Wording, vocabulary
from stillhouse_models.tokenizer import MAX_LENGTH, build_tokenizer
from stillhouse_models.training.conditions import guided_clean, token_ids
from stillhouse_models.training.lessons import PAIR_SHARE, noise_levels
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.watch import Watch
from stillhouse_models.weights import Painter, load_painter

PLAIN_RATE = 1e-3


def throughput(recipe: Recipe, steps: int, rounds: int, watch: Watch) -> dict[str, Any]:
    """Pictures a second of both loops, the ratio ours ÷ plain with its spread, and rendering's share of our step's time."""
    torch.set_flush_denormal(True)
    teacher = _teacher(recipe)
    phase = PhaseRecipe("throughput", None, PLAIN_RATE, {"mse": 1.0, "truth": 1.0}, steps=steps * rounds)
    run = StudentRun(replace(recipe, phases=(phase,)), teacher)
    loops: dict[str, Callable[[], object]] = {
        "ours": lambda: run.step(phase, 0.0),
        "plain": PlainLoop(recipe, teacher).step,
        "rendering": lambda: batch(run.sprites, run.rng, recipe.student.batch_size, PAIR_SHARE, Wording()),
    }
    for step in loops.values():
        step()
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds):
        # Who goes first changes, so that neither always meets a warm or a hot processor.
        for name in list(loops) if turn % 2 == 0 else list(reversed(loops)):
            begun = time.perf_counter()
            for _ in range(steps):
                loops[name]()
            seconds[name].append((time.perf_counter() - begun) / steps)
            watch.stop_if_asked("nothing was kept")
        watch.tell("throughput", turn + 1, rounds, "rounds", {})
    return summary(seconds, recipe.student.batch_size)


def summary(seconds: dict[str, list[float]], batch_size: int) -> dict[str, Any]:
    """`seconds` a step by loop and round."""
    ratios = sorted(plain / ours for plain, ours in zip(seconds["plain"], seconds["ours"], strict=True))
    shares = [drawn / ours for drawn, ours in zip(seconds["rendering"], seconds["ours"], strict=True)]
    return {
        "picturesPerSecond": {name: batch_size / statistics.median(seconds[name]) for name in ("ours", "plain", "rendering")},
        "ratio": statistics.median(ratios),
        "ratioLow": ratios[0],
        "ratioHigh": ratios[-1],
        "renderingShare": statistics.median(shares),
        "rounds": len(ratios),
        "batchSize": batch_size,
        "threads": torch.get_num_threads(),
    }


class PlainLoop:
    def __init__(self, recipe: Recipe, teacher: Painter):
        self.recipe, self.teacher, self.sprites, s = recipe, teacher, SOURCES[recipe.source](), recipe.student
        attention = {} if s.attention == "full" else {"attention": s.attention}
        self.student = FAMILIES[s.family](
            channels=list(s.channels), num_res_blocks=s.num_res_blocks, patch=s.patch, pixel_channels=s.pixel_channels,
            context_channels=teacher.unet.config["context_channels"], sample_size=self.sprites.resolution, **attention,
        )  # fmt: skip
        self.optimiser = torch.optim.AdamW(self.student.parameters(), lr=PLAIN_RATE)
        self.rng = np.random.default_rng(recipe.seed)
        self.empty = token_ids(teacher.tokenizer, [""])

    def step(self) -> float:
        s, teacher = self.recipe.student, self.teacher
        asked = max(1, round(s.batch_size * s.teacher_share))
        drawn = batch(self.sprites, self.rng, s.batch_size, PAIR_SHARE, Wording())
        ids, truth = token_ids(teacher.tokenizer, [c.text for c in drawn.captions]), to_tensor(drawn.pictures)
        levels = noise_levels(self.rng, s.batch_size, s.steps)
        level = levels.view(-1, 1, 1, 1)
        noisy = (1 - level) * truth + level * torch.randn_like(truth)
        with torch.no_grad():
            context = teacher.encoder(ids)
            wanted = guided_clean(
                teacher.unet, teacher.encoder, noisy[:asked], levels[:asked] * 1000, ids[:asked], self.empty,
                self.recipe.teacher.guidance,
            )  # fmt: skip
        clean = self.student.clean(noisy, levels * 1000, context)
        loss = nn.functional.mse_loss(clean[:asked], wanted) + nn.functional.mse_loss(clean, truth)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()


def _teacher(recipe: Recipe) -> Painter:
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


def throughput_text(result: dict[str, Any]) -> str:
    speed = result["picturesPerSecond"]
    spread = f"{result['ratioLow']:.2f} to {result['ratioHigh']:.2f} in {result['rounds']} rounds, {result['threads']} threads"
    return "\n".join(
        (
            f"training: {speed['ours']:.1f} pictures/s; a plain PyTorch loop: {speed['plain']:.1f}",
            f"ratio: {result['ratio']:.2f} ({spread})",
            f"rendering: {speed['rendering']:.0f} pictures/s, {result['renderingShare']:.1%} of a training step's time",
        )
    )

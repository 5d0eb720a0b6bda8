"""Train adapters on a handful of captioned pictures; stopped or killed, it goes on from its checkpoint as if nothing had been.

Lessons are as a student's own: pictures made noisy, pure noise, and noise that it has taken some steps down by itself.
Beside them, the base's answers to captions of its own source, so that what it knew is kept: prior preservation (Ruiz et al.
2023), by what the old network says instead of by pictures (Li and Hoiem 2016).
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor

from stillhouse_models.adapt.lora import with_lora
from stillhouse_models.adapt.read_pictures import Pictures
from stillhouse_models.losses.mse import edges, mse
from stillhouse_models.sources.batches import draw_scenes
from stillhouse_models.sources.caption import Wording, caption
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.compute_device import CPU, attention_on, half_on
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.lessons import PAIR_SHARE, LessonPlan, make_noisy
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.own_path import walked
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.watch import Watch
from stillhouse_models.weights import Painter

CHECKPOINT = "adapter.pt"
SAVE_EVERY_SECONDS = 30.0
LOG_EVERY_STEPS = 20
# Of the new pictures' lessons; with noise at all levels alone, a picture that begins as pure noise comes out blurred.
PURE_NOISE_SHARE = 0.2
OWN_PATH_SHARE = 0.5
WEIGHTS = {"truth": 1.0, "edges": 0.5}


@dataclass(frozen=True)
class AdapterSettings:
    """`denoising_steps` is what the student is made for: most lessons are at the noise levels that it then visits.

    `keep` is the share of each batch that asks what the base knew, 0 to below 1.
    """

    rank: int = 8
    steps: int = 400
    rate: float = 1e-2
    batch_size: int = 8
    keep: float = 0.0
    denoising_steps: int = 4
    seed: int = 0


class AdapterTraining:
    """Everything that a resumed training needs. `sprites` is the base's source, whose captions `keep` asks."""

    def __init__(
        self, painter: Painter, sprites: SpriteSet, pictures: Pictures, settings: AdapterSettings, device: torch.device = CPU
    ):  # fmt: skip
        torch.manual_seed(settings.seed)
        self.settings, self.device, self.rng, self.step = settings, device, np.random.default_rng(settings.seed), 0
        self.painter, self.sprites = painter, sprites
        self.student, self.adapters = with_lora(painter.unet, settings.rank)
        self.student.to(device, memory_format=torch.channels_last).train()
        self.truth = to_tensor(pictures.pixels)
        self.contexts = self._told(pictures.captions)
        self.adam = torch.optim.AdamW(self._learning(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.01)

    @torch.no_grad()
    def _told(self, captions: list[str]) -> Tensor:
        told: Tensor = self.painter.encoder(token_ids(self.painter.tokenizer, captions))
        return told

    def _learning(self) -> list[Tensor]:
        return [parameter for parameter in self.adapters.parameters() if parameter.requires_grad]

    def learn(self) -> float:
        """One step; the loss. FloatingPointError before the weights are touched, where that is no number."""
        s = self.settings
        self.adam.param_groups[0]["lr"] = s.rate * 0.5 * (1 + math.cos(math.pi * self.step / s.steps))
        kept = min(round(s.batch_size * s.keep), s.batch_size - 1)
        lessons = [self._new(s.batch_size - kept)] + ([self._old(kept)] if kept else [])
        noisy, timestep, context, wanted = (torch.cat(parts) for parts in zip(*lessons, strict=True))
        with half_on(self.device), attention_on(self.device):
            clean = self.student.clean(noisy.contiguous(memory_format=torch.channels_last), timestep, context).float()
        loss = WEIGHTS["truth"] * mse(clean, wanted, timestep) + WEIGHTS["edges"] * edges(clean, wanted, timestep)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"adapter, step {self.step}: the loss is {loss.item()}; the weights were not touched, and the last checkpoint "
                "is kept: lower --rate, and begin in another folder"
            )
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._learning(), 1.0)
        self.adam.step()
        self.step += 1
        return loss.item()

    def _new(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Noisy pictures, timesteps, captions as the student is told them, and the clean pictures that are wanted."""
        rows = torch.from_numpy(self.rng.integers(len(self.truth), size=count))
        pure, own, steps = round(count * PURE_NOISE_SHARE), round(count * OWN_PATH_SHARE), self.settings.denoising_steps
        plan = LessonPlan(steps, noisy=count - pure - own, asked=0, pure=pure, own=own)
        drawn, levels, own_steps = make_noisy(self.truth[rows], self.rng, plan)
        noisy, level, context, wanted = (
            part.to(self.device) for part in (drawn, levels, self.contexts[rows], self.truth[rows])
        )  # fmt: skip
        return walked(noisy, own, own_steps, self.student, context, steps), level * 1000, context, wanted

    @torch.no_grad()
    def _old(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same with the base's answers, on its own way down."""
        scenes = draw_scenes(self.sprites, self.rng, count, PAIR_SHARE, held_out=False)
        texts = [caption(self.sprites, scene, self.rng, Wording()).text for scene in scenes]
        steps = self.settings.denoising_steps
        nothing = torch.zeros(count, *self.truth.shape[1:])
        drawn, levels, own_steps = make_noisy(nothing, self.rng, LessonPlan(steps, noisy=0, asked=0, own=count))
        noisy, timestep, context = (part.to(self.device) for part in (drawn, levels * 1000, self._told(texts)))
        with self.adapters.disable_adapter(), half_on(self.device):
            noisy = walked(noisy, count, own_steps, self.student, context, steps)
            return noisy, timestep, context, self.student.clean(noisy, timestep, context).float()

    def state(self) -> dict[str, Any]:
        return {
            "adapters": [parameter.detach() for parameter in self._learning()], "adam": self.adam.state_dict(),
            "rng": self.rng.bit_generator.state, "step": self.step,
        }  # fmt: skip

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        for parameter, kept in zip(self._learning(), state["adapters"], strict=True):
            parameter.copy_(kept)
        self.adam.load_state_dict(state["adam"])
        self.rng.bit_generator.state, self.step = state["rng"], state["step"]


def train_adapter(
    painter: Painter,
    sprites: SpriteSet,
    pictures: Pictures,
    settings: AdapterSettings,
    out: Path,
    watch: Watch,
    device: torch.device = CPU,
) -> PeftModel:
    """`out` keeps the checkpoint and the log. StoppedError, with everything saved, when the watch asks for it."""
    training, log = AdapterTraining(painter, sprites, pictures, settings, device), MetricsLog(out / "adapter.jsonl", echo=False)
    if (out / CHECKPOINT).exists():
        training.restore(load_checkpoint(out / CHECKPOINT))
    log.forget_after(training.step)
    saved, window = time.monotonic(), list[float]()
    while training.step < settings.steps:
        if watch.stop_asked:
            save_checkpoint(training.state(), out / CHECKPOINT)
            watch.stop_if_asked(f"saved the adapter at step {training.step}")
        window.append(training.learn())
        watch.tell("adapter", training.step, settings.steps, "steps", {"loss": window[-1]})
        if training.step % LOG_EVERY_STEPS == 0:
            log.write(step=training.step, loss=float(np.mean(window)))
            window.clear()
        if time.monotonic() - saved > SAVE_EVERY_SECONDS:
            save_checkpoint(training.state(), out / CHECKPOINT)
            saved = time.monotonic()
    save_checkpoint(training.state(), out / CHECKPOINT)
    training.student.to(CPU).eval()
    return training.adapters

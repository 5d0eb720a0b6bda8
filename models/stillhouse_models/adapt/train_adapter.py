"""Train adapters on a handful of captioned pictures; stopped or killed, it goes on from its checkpoint as if nothing had been."""

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
from stillhouse_models.losses.mse import mse
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.compute_device import CPU, attention_on, half_on
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.lessons import noise_levels
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.watch import Watch
from stillhouse_models.weights import Painter

CHECKPOINT = "adapter.pt"
SAVE_EVERY_SECONDS = 30.0
LOG_EVERY_STEPS = 20


@dataclass(frozen=True)
class AdapterSettings:
    """`denoising_steps` is what the student is made for: most lessons are at the noise levels that it then visits."""

    rank: int = 4
    steps: int = 400
    rate: float = 2e-3
    batch_size: int = 8
    denoising_steps: int = 4
    seed: int = 0


class AdapterTraining:
    """Everything that a resumed training needs."""

    def __init__(self, painter: Painter, pictures: Pictures, settings: AdapterSettings, device: torch.device = CPU):
        torch.manual_seed(settings.seed)
        self.settings, self.device, self.rng, self.step = settings, device, np.random.default_rng(settings.seed), 0
        self.student, self.adapters = with_lora(painter.unet, settings.rank)
        self.student.to(device).train()
        self.truth = to_tensor(pictures.pixels)
        with torch.no_grad():
            self.contexts: Tensor = painter.encoder(token_ids(painter.tokenizer, pictures.captions))
        self.adam = torch.optim.AdamW(self._learning(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.01)

    def _learning(self) -> list[Tensor]:
        return [parameter for parameter in self.adapters.parameters() if parameter.requires_grad]

    def learn(self) -> float:
        """One step; the loss. FloatingPointError before the weights are touched, where that is no number."""
        s = self.settings
        self.adam.param_groups[0]["lr"] = s.rate * 0.5 * (1 + math.cos(math.pi * self.step / s.steps))
        rows = torch.from_numpy(self.rng.integers(len(self.truth), size=s.batch_size))
        truth, levels = self.truth[rows], noise_levels(self.rng, s.batch_size, sigmas(s.denoising_steps))
        level = levels.view(-1, 1, 1, 1)
        noise = torch.from_numpy(self.rng.standard_normal(truth.shape, dtype=np.float32))
        given = ((1 - level) * truth + level * noise, levels * 1000, self.contexts[rows], truth)
        noisy, timestep, context, wanted = (part.to(self.device) for part in given)
        with half_on(self.device), attention_on(self.device):
            clean: Tensor = self.adapters(noisy, timestep, context)
        loss = mse(clean.float(), wanted, timestep)
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
    painter: Painter, pictures: Pictures, settings: AdapterSettings, out: Path, watch: Watch, device: torch.device = CPU
) -> PeftModel:
    """`out` keeps the checkpoint and the log. StoppedError, with everything saved, when the watch asks for it."""
    training, log = AdapterTraining(painter, pictures, settings, device), MetricsLog(out / "adapter.jsonl", echo=False)
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

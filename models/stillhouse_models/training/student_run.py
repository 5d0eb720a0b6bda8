"""A student in training: weights, optimisers, average and random states, on disk and back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.start.start_from_teacher import start_from_teacher
from stillhouse_models.training.average import Average
from stillhouse_models.training.lessons import draw_lesson
from stillhouse_models.training.moment import Moment
from stillhouse_models.training.muon import Muon
from stillhouse_models.training.objectives import Objectives
from stillhouse_models.weights import Painter, load_painter

WARMUP_STEPS = 50
# Muon's rate is this many times the phase's, which is AdamW's.
MUON_FACTOR = 10
CHECKPOINT = "student.pt"


@dataclass
class Progress:
    """Where a run stands: the phase, the seconds spent in it, steps in all."""

    phase: int = 0
    spent: float = 0.0
    step: int = 0


class StudentRun:
    def __init__(self, recipe: Recipe, teacher: Painter):
        torch.manual_seed(recipe.seed)
        self.recipe, self.teacher, self.sprites = recipe, teacher, SOURCES[recipe.source]()
        s = recipe.student
        # The teacher's own family has no other attention than the full one.
        attention = {} if s.attention == "full" else {"attention": s.attention}
        self.student: Denoiser = FAMILIES[s.family](
            channels=list(s.channels), num_res_blocks=s.num_res_blocks, patch=s.patch, pixel_channels=s.pixel_channels,
            context_channels=teacher.unet.config["context_channels"], sample_size=self.sprites.resolution, **attention,
        )  # fmt: skip
        self.student.to(memory_format=torch.channels_last)
        used = {name for phase in recipe.phases for name in phase.losses}
        self.objectives = Objectives(recipe, self.student, teacher, self.sprites, used)
        named = list(self.student.named_parameters())
        self.muon = Muon([p for n, p in named if is_hidden_matrix(n, p)], lr=0.0, weight_decay=0.01)
        others = [p for n, p in named if not is_hidden_matrix(n, p)] + list(self.objectives.parameters())
        self.adam = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.97), weight_decay=0.0)
        self.average = Average(self.student, decay=0.998)
        self.rng = np.random.default_rng(recipe.seed)
        self.progress = Progress()

    def start_from(self, folder: Path) -> None:
        """Begin with the weights of a kept student of the same shape; step, optimisers and clock begin anew."""
        self.student.load_state_dict(load_painter(folder, self.recipe.student.family).unet.state_dict())
        self.average = Average(self.student, decay=0.998)

    def start_from_teacher(self) -> None:
        """Begin with those of the teacher's channels that matter most; see start/."""
        s = self.recipe.student
        start_from_teacher(self.student, self.teacher, self.sprites, s.importance, s.steps, self.recipe.seed)
        self.average = Average(self.student, decay=0.998)

    def step(self, phase: PhaseRecipe, through: float) -> dict[str, float]:
        """One step; `through` is how much of the phase is over, 0..1. Returns the losses, unweighted."""
        rate = phase.rate * min(1.0, (self.progress.step + 1) / WARMUP_STEPS) * (1 - 0.9 * through)
        self.adam.param_groups[0]["lr"], self.muon.param_groups[0]["lr"] = rate, rate * MUON_FACTOR
        s = self.recipe.student
        asked = max(1, round(s.batch_size * s.teacher_share))
        lesson = draw_lesson(self.teacher, self.sprites, self.rng, s.batch_size, asked, s.steps, self.recipe.teacher.guidance)
        # The CPU's flash attention is slow to go back through.
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            context = self.teacher.encoder(lesson.ids).detach()
            clean, features = self.student.clean_and_features(lesson.noisy, lesson.timestep, context)
        moment, named = Moment(lesson, context, clean.float(), features), set(phase.losses)
        losses = self.objectives.losses(named, moment, self.average, self.rng)
        total = torch.stack([phase.losses[name] * loss for name, loss in losses.items() if name in phase.losses]).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"phase {phase.name!r}, step {self.progress.step}: the loss is {total.item()}; lower its rate"
            )
        total.backward()
        self._freeze(phase.frozen)
        nn.utils.clip_grad_norm_(self.adam.param_groups[0]["params"], 1.0)
        for optimiser in (self.muon, self.adam):
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.average.update(self.student)
        self.progress.step += 1
        return {name: loss.item() for name, loss in losses.items()} | self.objectives.learn(named, moment, rate, self.rng)

    def _freeze(self, frozen: tuple[str, ...]) -> None:
        for name, parameter in self.student.named_parameters():
            if any(part in name for part in frozen):
                parameter.grad = None

    def painter(self) -> Painter:
        return Painter(self.student, self.teacher.encoder, self.teacher.tokenizer)

    def save(self, folder: Path) -> None:
        """Beside and renamed, so that a kill leaves the older one whole."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.state(), folder / f"{CHECKPOINT}.new")
        (folder / f"{CHECKPOINT}.new").rename(folder / CHECKPOINT)

    def state(self) -> dict[str, object]:
        return {
            "student": self.student.state_dict(), "objectives": self.objectives.state(), "average": self.average.state,
            "updates": self.average.updates, "muon": self.muon.state_dict(), "adam": self.adam.state_dict(),
            "rng": self.rng.bit_generator.state, "progress": self.progress,
        }  # fmt: skip

    def restore(self, file: Path) -> None:
        state = torch.load(file, weights_only=False)
        self.student.load_state_dict(state["student"])
        self.objectives.restore(state["objectives"])
        self.average.state, self.average.updates = state["average"], state["updates"]
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.rng.bit_generator.state, self.progress = state["rng"], state["progress"]


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """What Muon takes: matrices between hidden layers; not filters of single channels, the first layer or the last."""
    outer = ("positions", "stem", "head.blend", "head.out", "filter", "gate")
    return parameter.ndim >= 2 and not any(part in name for part in outer)

"""A student in training: weights, optimisers, average and random states, on disk and back.

`StudentRun.step` is the only place that moves weights. What a student is told off for comes from losses: a new one is
plugged in there by its name, and a recipe's phase weighs it by that name; whatever of it learns or draws random numbers
(from `run.rng`, never from another generator) belongs into `state` and `restore`, or a resumed run is another run.
The loop around it stands in training/phase_loop.py, what happens between phases in training/close_phase.py.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stillhouse_models.faults import RefusedError
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.start.start_from_teacher import start_from_teacher
from stillhouse_models.training.average import Average
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.compute_device import attention_on, compiled, half_on
from stillhouse_models.training.make_student import make_student
from stillhouse_models.training.moment import Moment
from stillhouse_models.training.muon import Muon
from stillhouse_models.training.own_path import walked
from stillhouse_models.training.rendered_school import RenderedSchool
from stillhouse_models.training.school import School
from stillhouse_models.weights import Painter, load_painter

WARMUP_STEPS = 50
# Muon's rate is this many times the phase's, which is AdamW's.
MUON_FACTOR = 10
CHECKPOINT = "student.pt"


@dataclass
class Progress:
    """Where a run stands: the phase, the seconds and steps spent in it, steps in all.

    `window` holds the losses since the last logged step, `losses` the means then; `rows` are the lineage of closed phases,
    `best` the file of the best one's state. `threads` of arithmetic: sums over other numbers of threads differ in last bits.
    """

    phase: int = 0
    spent: float = 0.0
    step: int = 0
    phase_step: int = 0
    window: list[dict[str, float]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: str | None = None
    threads: int = 0

    def through(self, phase: PhaseRecipe) -> float:
        """How much of the phase is over, from 0; 1 and more: all of it."""
        return self.phase_step / phase.steps if phase.steps is not None else self.spent / (phase.seconds or 1)


class StudentRun:
    def __init__(self, recipe: Recipe, teacher: Painter | School):
        """A teacher that is in memory, or a school that has its answers."""
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.school: School = RenderedSchool(recipe, teacher) if isinstance(teacher, Painter) else teacher
        school = self.school
        self.student = make_student(recipe.student, school.side, school.context_channels, school.channels)
        self.student.to(self.school.device, memory_format=torch.channels_last)
        # Only the lessons, whose batch is always as large: each other shape would be compiled for minutes.
        self.answers = compiled(self.student.clean_and_features) if recipe.compiled else self.student.clean_and_features
        used = {name for phase in recipe.phases for name in phase.losses}
        self.objectives = self.school.telling(recipe, self.student, used)
        named = list(self.student.named_parameters())
        self.muon = Muon([p for n, p in named if is_hidden_matrix(n, p)], lr=0.0, weight_decay=0.01)
        others = [p for n, p in named if not is_hidden_matrix(n, p)] + list(self.objectives.parameters())
        self.adam = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.97), weight_decay=0.0)
        self.average = Average(self.student, decay=0.998)
        self.rng = np.random.default_rng(recipe.seed)
        self.progress = Progress()

    @property
    def rendered(self) -> RenderedSchool:
        """Where the teacher itself is needed. RefusedError where there is only its cache."""
        if isinstance(self.school, RenderedSchool):
            return self.school
        raise RefusedError("this needs the teacher in memory, and there are only its cached answers")

    @property
    def teacher(self) -> Painter:
        return self.rendered.teacher

    @property
    def sprites(self) -> SpriteSet:
        return self.rendered.sprites

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
        lesson = self.school.lesson(self.recipe, phase, self.rng)
        with half_on(self.school.device), attention_on(self.school.device):
            context = self.school.told(lesson)
            noisy = walked(lesson.noisy, lesson.own, lesson.own_steps, self.student, context, self.recipe.student.steps)
            clean, features = self.answers(noisy, lesson.timestep, context)
        lesson = replace(lesson, noisy=noisy)
        moment, named = Moment(lesson, context, clean.float(), features), set(phase.losses)
        losses = self.objectives.losses(named, moment, self.average, self.rng)
        total = torch.stack([phase.losses[name] * loss for name, loss in losses.items() if name in phase.losses]).sum()
        self._require_number(phase, "the loss", total, losses)
        total.backward()
        self._freeze(phase.frozen)
        gradients = [p.grad for group in (*self.muon.param_groups, *self.adam.param_groups) for p in group["params"]]
        norm = nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])
        self._require_number(phase, "the gradient's norm", norm, losses)
        nn.utils.clip_grad_norm_(self.adam.param_groups[0]["params"], 1.0)
        for optimiser in (self.muon, self.adam):
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.average.update(self.student)
        self.progress.step += 1
        return {name: loss.item() for name, loss in losses.items()} | self.objectives.learn(named, moment, rate, self.rng)

    def _require_number(self, phase: PhaseRecipe, what: str, value: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Before the weights are touched: FloatingPointError where the value is infinite or no number."""
        if torch.isfinite(value):
            return
        terms = ", ".join(f"{name} {loss.item():.4g}" for name, loss in losses.items())
        raise FloatingPointError(
            f"phase {phase.name!r}, step {self.progress.step}: {what} is {value.item()} ({terms}); the weights were not touched, "
            "and the last checkpoint is kept: lower this phase's rate, or the weight of that loss, and start again"
        )

    def _freeze(self, frozen: tuple[str, ...]) -> None:
        for name, parameter in self.student.named_parameters():
            if any(part in name for part in frozen):
                parameter.grad = None

    def save(self, folder: Path) -> None:
        save_checkpoint(self.state(), folder / CHECKPOINT)

    def state(self) -> dict[str, Any]:
        return {
            "student": self.student.state_dict(), "objectives": self.objectives.state(), "average": self.average.state,
            "updates": self.average.updates, "muon": self.muon.state_dict(), "adam": self.adam.state_dict(),
            "rng": self.rng.bit_generator.state, "torch_rng": torch.get_rng_state(), "progress": asdict(self.progress),
        }  # fmt: skip

    def restore(self, file: Path) -> None:
        """Everything as it was saved."""
        state = load_checkpoint(file)
        self.restore_weights(state)
        self.rng.bit_generator.state, self.progress = state["rng"], Progress(**state["progress"])
        torch.set_rng_state(state["torch_rng"])

    def restore_weights(self, state: dict[str, Any]) -> None:
        """Weights, average and optimisers; the data and the count of steps go on."""
        self.student.load_state_dict(state["student"])
        self.objectives.restore(state["objectives"])
        self.average.restore(state["average"], state["updates"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """What Muon takes: matrices between hidden layers; not filters of single channels, the first layer or the last."""
    outer = ("positions", "stem", "head.blend", "head.out", "filter", "gate")
    return parameter.ndim >= 2 and not any(part in name for part in outer)

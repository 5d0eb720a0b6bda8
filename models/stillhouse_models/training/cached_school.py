"""Lessons from a teacher's cached paths: points between noise and the latents that the teacher made of it.

The wanted answer at each point is where the teacher's path ends (Luhman & Luhman 2021; for straight paths, Liu et al. 2022).
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from stillhouse_models.cached_teacher.latent_cache import LatentCache
from stillhouse_models.cached_teacher.teacher_folder import KINDS
from stillhouse_models.losses.consistency import consistency
from stillhouse_models.losses.mse import edges, mse
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.training.average import Average
from stillhouse_models.training.compute_device import CPU, half_on
from stillhouse_models.training.lessons import Lesson, noise_levels
from stillhouse_models.training.moment import Moment
from stillhouse_models.training.objectives import FINE
from stillhouse_models.training.sampling import even_levels, sigmas


class CachedSchool:
    def __init__(self, cache: LatentCache, recipe: Recipe, device: torch.device = CPU):
        plan = cache.plan
        self.device = device
        self.levels = (even_levels if KINDS[plan.pipeline].even else sigmas)(recipe.student.steps)
        self.cache, self.name = cache, recipe.name
        self.channels, self.side, self.context_channels = plan.channels, plan.side, plan.text_width
        self.number = {prompt: index for index, prompt in enumerate(cache.prompts)}
        held = set(held_out(plan.prompts, recipe.teacher.held_out))
        self.pictures = np.array([i for i in range(plan.pictures) if i // plan.seeds not in held])

    def telling(self, recipe: Recipe, student: Denoiser, used: set[str]) -> "CachedTelling":
        return CachedTelling(student)

    def lesson(self, recipe: Recipe, phase: PhaseRecipe, rng: np.random.Generator) -> Lesson:
        """All of it is answered. `ids` are the prompts' numbers; scenes and the teacher's features there are none."""
        pictures = rng.choice(self.pictures, size=recipe.student.batch_size)
        paths = torch.stack([self.cache.path(int(picture)) for picture in pictures])
        levels = noise_levels(rng, len(pictures), self.levels)
        noisy = on_path(paths, self.cache.levels, levels).contiguous(memory_format=torch.channels_last)
        ids = torch.from_numpy(pictures // self.cache.plan.seeds)
        noisy, levels, ends = (part.to(self.device) for part in (noisy, levels, paths[:, -1]))
        return Lesson(noisy, levels * 1000, ids, ends, ends, [], [])

    def told(self, lesson: Lesson) -> Tensor:
        return torch.stack([self.cache.context(int(number)) for number in lesson.ids]).to(self.device)

    def context(self, texts: list[str]) -> Tensor:
        return torch.stack([self.cache.context(self.number[text]) for text in texts]).to(self.device)

    def keep(self, student: Denoiser, folder: Path) -> None:
        whole = copy.deepcopy(student).half()
        whole.save_pretrained(folder / "unet")

    def lineage(self) -> dict[str, Any]:
        plan = self.cache.plan
        data = {"name": f"{plan.pictures} pictures of {plan.prompts} prompts by a {plan.pipeline}"}
        return {"teacher": {"name": f"{self.name}-teacher", "steps": plan.steps, "guidance": plan.guidance}, "data": data}


def held_out(prompts: int, wanted: int) -> list[int]:
    """Numbers of the prompts that are judged by and never learned from: at most half, spread over the file."""
    count = min(wanted, prompts // 2)
    return [round((i + 0.5) * prompts / count - 0.5) for i in range(count)]


def on_path(paths: Tensor, levels: Tensor, wanted: Tensor) -> Tensor:
    """Points of paths [B, K, C, h, w], whose states are at falling `levels` [K], at the levels `wanted` [B]; between states
    on the line that joins them."""
    before = ((levels[None] >= wanted[:, None]).sum(dim=1) - 1).clamp(0, len(levels) - 2)
    share = ((levels[before] - wanted) / (levels[before] - levels[before + 1])).clamp(0, 1).view(-1, 1, 1, 1)
    rows = torch.arange(len(paths))
    return torch.lerp(paths[rows, before], paths[rows, before + 1], share)


class CachedTelling:
    """The losses that need no more of a teacher than its answers; nothing of them learns."""

    def __init__(self, student: Denoiser):
        self.student = student

    def parameters(self) -> Iterator[nn.Parameter]:
        return iter(())

    def losses(self, names: set[str], moment: Moment, average: Average, rng: np.random.Generator) -> dict[str, Tensor]:
        lesson = moment.lesson
        found = {"mse": mse(moment.clean, lesson.clean, lesson.timestep)}
        if "edges" in names:
            found["edges"] = edges(moment.clean, lesson.clean, lesson.timestep)
        if "consistency" in names:
            found["consistency"] = consistency(
                moment.clean, lesson.noisy, moment.levels, lesson.clean, self._averaged(moment, average), FINE
            )
        return found

    def _averaged(self, moment: Moment, average: Average) -> Any:
        weights = {name.removeprefix("body."): tensor for name, tensor in average.state.items()}

        def answer(x: Tensor, level: Tensor) -> Tensor:
            with half_on(x.device):
                told: Tensor = functional_call(self.student.body, weights, (x, level * 1000, moment.context))
                return told.float()

        return answer

    def learn(self, names: set[str], moment: Moment, rate: float, rng: np.random.Generator) -> dict[str, float]:
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass

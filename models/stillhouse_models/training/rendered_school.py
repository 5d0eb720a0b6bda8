"""Lessons of rendered scenes, with a teacher of ours in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.recipe import PhaseRecipe, Recipe
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.training.compute_device import place_of
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.lessons import Lesson, LessonPlan, draw_lesson
from stillhouse_models.training.objectives import Objectives
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.weights import Painter, save_painter


class RenderedSchool:
    channels = 3

    def __init__(self, recipe: Recipe, teacher: Painter):
        self.name, self.source = recipe.name, recipe.source
        self.teacher, self.sprites = teacher, SOURCES[recipe.source]()
        self.levels = sigmas(recipe.student.steps)
        self.device = place_of(teacher.unet)
        self.side: int = self.sprites.resolution
        self.context_channels: int = teacher.unet.config["context_channels"]

    def telling(self, recipe: Recipe, student: Denoiser, used: set[str]) -> Objectives:
        return Objectives(recipe, student, self.teacher, self.sprites, used)

    def lesson(self, recipe: Recipe, phase: PhaseRecipe, rng: np.random.Generator) -> Lesson:
        s = recipe.student
        asked, pure, own = (
            round(s.batch_size * share) for share in (s.teacher_share, phase.pure_noise_share, phase.own_path_share)
        )
        plan = LessonPlan(
            s.steps, s.batch_size - pure - own, min(max(1, asked), s.batch_size - own), recipe.teacher.guidance, pure, own
        )
        return draw_lesson(self.teacher, self.sprites, rng, plan)

    def told(self, lesson: Lesson) -> Tensor:
        return self.teacher.encoder(lesson.ids).detach()

    @torch.no_grad()
    def context(self, texts: list[str]) -> Tensor:
        told: Tensor = self.teacher.encoder(token_ids(self.teacher.tokenizer, texts).to(self.device))
        return told

    def keep(self, student: Denoiser, folder: Path) -> None:
        save_painter(Painter(student, self.teacher.encoder, self.teacher.tokenizer), folder)

    def lineage(self) -> dict[str, Any]:
        teacher = {"name": f"{self.name}-teacher", "parameters": self.teacher.parameters()}
        return {"teacher": teacher, "data": {"name": self.source}}

"""Lessons that no variant trains on, the same for all: how far a student is from its guided teacher."""

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.losses.mse import mse
from stillhouse_models.losses.paths import renoised
from stillhouse_models.recipe import Recipe
from stillhouse_models.sources.batches import batch
from stillhouse_models.sources.caption import PLAIN
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.guided_teacher import GuidedTeacher
from stillhouse_models.training.lessons import noise_levels
from stillhouse_models.training.moment import random_noise
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.weights import Painter

SEED, LESSONS, PAIR_SHARE = 78, 192, 0.5


class HeldOut:
    def __init__(self, recipe: Recipe, teacher: Painter, sprites: SpriteSet):
        rng = np.random.default_rng(SEED)
        drawn = batch(sprites, rng, LESSONS, PAIR_SHARE, PLAIN, held_out=True)
        truth = to_tensor(drawn.pictures)
        self.level = noise_levels(rng, LESSONS, sigmas(recipe.student.steps))
        self.noisy = renoised(truth, self.level, random_noise(rng, truth))
        ids = token_ids(teacher.tokenizer, [caption.text for caption in drawn.captions])
        self.wanted = GuidedTeacher(teacher, recipe.teacher.guidance).answer(self.noisy, self.level, ids)
        with torch.no_grad():
            self.context: Tensor = teacher.encoder(ids)

    @torch.no_grad()
    def error(self, run: StudentRun) -> float:
        """The loss "mse" of the averaged weights."""
        with run.average.in_place_of(run.student):
            answers = run.student.clean(self.noisy, self.level * 1000, self.context)
        return mse(answers.float(), self.wanted, self.level * 1000).item()

"""The loop that one would write first, and what can be switched on in it, each by itself.

Plain: the same network, batch, teacher and losses by their definition (mse and truth), float32, default memory layout, AdamW
over all weights, pictures rendered in the loop.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, IterableDataset

from stillhouse_models.recipe import Recipe, RecipeError
from stillhouse_models.sources.batches import SOURCES, Batch, batch
from stillhouse_models.sources.caption import Wording
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.conditions import guided_clean, token_ids
from stillhouse_models.training.lessons import PAIR_SHARE, noise_levels
from stillhouse_models.training.make_student import make_student
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.weights import Painter

PLAIN_RATE = 1e-3
CHOICES = {
    "bfloat16": "autocast to bfloat16, of student and teacher",
    "channels-last": "the student's weights and its pictures channels last",
    "math-attention": "SDPA's math kernel in the place of flash",
    "fused": "AdamW in one kernel",
    "compiled": "the student as a compiled graph",
    "rendered-ahead": "pictures rendered by another process",
}


def read_choices(text: str) -> dict[str, frozenset[str]]:
    """Comma-separated, those of one loop joined by +: `fused,bfloat16+channels-last`. RecipeError where one is unknown."""
    loops = {name: frozenset(name.split("+")) for name in text.split(",") if name}
    if unknown := sorted({choice for choices in loops.values() for choice in choices} - set(CHOICES)):
        raise RecipeError(f"--choices: unknown {unknown}; known: {list(CHOICES)}")
    return loops


class Rendering(IterableDataset):
    """Endless batches, the same whoever draws them."""

    def __init__(self, sprites: SpriteSet, seed: int, size: int):
        self.sprites, self.seed, self.size = sprites, seed, size

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        while True:
            yield batch(self.sprites, rng, self.size, PAIR_SHARE, Wording())


class PlainLoop:
    def __init__(self, recipe: Recipe, teacher: Painter, choices: frozenset[str] = frozenset()):
        self.recipe, self.teacher, self.choices = recipe, teacher, choices
        self.layout = torch.channels_last if "channels-last" in choices else torch.contiguous_format
        sprites = SOURCES[recipe.source]()
        self.student = make_student(recipe.student, sprites.resolution, teacher.unet.config["context_channels"])
        self.student.to(memory_format=self.layout)
        if "compiled" in choices:
            self.student.body.compile()
        self.optimiser = torch.optim.AdamW(self.student.parameters(), lr=PLAIN_RATE, fused="fused" in choices)
        rendering, ahead = Rendering(sprites, recipe.seed, recipe.student.batch_size), "rendered-ahead" in choices
        self.batches = iter(DataLoader(rendering, batch_size=None, num_workers=1) if ahead else rendering)
        self.rng = np.random.default_rng(recipe.seed)
        self.empty = token_ids(teacher.tokenizer, [""])

    def step(self) -> float:
        s = self.recipe.student
        drawn = next(self.batches)
        ids, truth = token_ids(self.teacher.tokenizer, [c.text for c in drawn.captions]), to_tensor(drawn.pictures)
        levels = noise_levels(self.rng, s.batch_size, sigmas(s.steps))
        level = levels.view(-1, 1, 1, 1)
        noisy = ((1 - level) * truth + level * torch.randn_like(truth)).contiguous(memory_format=self.layout)
        with ExitStack() as arithmetic:
            if "bfloat16" in self.choices:
                arithmetic.enter_context(torch.autocast("cpu", dtype=torch.bfloat16))
            if "math-attention" in self.choices:
                arithmetic.enter_context(sdpa_kernel(SDPBackend.MATH))
            context, wanted = self._taught(noisy, levels, ids)
            clean = self.student.clean(noisy, levels * 1000, context).float()
        loss = nn.functional.mse_loss(clean[: len(wanted)], wanted) + nn.functional.mse_loss(clean, truth)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    @torch.no_grad()
    def _taught(self, noisy: Tensor, levels: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The captions as the student sees them, and the guided teacher's answers to the first of the pictures."""
        s, teacher, guidance = self.recipe.student, self.teacher, self.recipe.teacher.guidance
        asked = max(1, round(s.batch_size * s.teacher_share))
        wanted = guided_clean(
            teacher.unet, teacher.encoder, noisy[:asked], levels[:asked] * 1000, ids[:asked], self.empty, guidance
        )
        return teacher.encoder(ids), wanted.float()

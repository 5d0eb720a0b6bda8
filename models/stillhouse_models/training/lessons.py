"""Lessons for a student: rendered scenes made noisy, with the guided teacher's answers to the first of them.

A guided teacher costs two forward passes a picture, more than the student's whole step, so it answers a share of each
batch; for the rest the rendered truth stands alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.sources.batches import batch
from stillhouse_models.sources.caption import Wording
from stillhouse_models.sources.scene import Scene
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.compute_device import half_on, place_of
from stillhouse_models.training.conditions import guided_clean_and_features, loosened, token_ids
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.weights import Painter

UNKNOWN_WORD = 0.05
PAIR_SHARE = 0.4
# Most lessons are at the very noise levels that devices visit, so that few steps come out best.
AT_STEPS_SHARE = 0.6
# Below this there is nothing left to learn: the last level of a schedule is the picture itself.
LOWEST_LEVEL = 0.01


@dataclass(frozen=True)
class Lesson:
    """noisy and truth float32 [B, 3, h, w]; timestep float32 [B] (0..1000); ids int64 [B, L].

    clean is the teacher's answer to the first `len(clean)` of them, features what its levels said on the way.
    scenes are what the rendered pictures show.
    """

    noisy: Tensor
    timestep: Tensor
    ids: Tensor
    truth: Tensor
    clean: Tensor
    features: list[Tensor]
    scenes: list[Scene]


@torch.no_grad()
def draw_lesson(
    teacher: Painter, sprites: SpriteSet, rng: np.random.Generator, count: int, asked: int, steps: int, guidance: float,
    pure_noise_share: float = 0.0,
) -> Lesson:  # fmt: skip
    """`asked`: how many of the `count` pictures the teacher answers."""
    drawn = batch(sprites, rng, count, PAIR_SHARE, Wording())
    ids = token_ids(teacher.tokenizer, loosened([c.text for c in drawn.captions], rng, 0.0, UNKNOWN_WORD))
    truth, t = to_tensor(drawn.pictures), noise_levels(rng, count, sigmas(steps), pure_noise_share)
    level = t.view(-1, 1, 1, 1)
    noise = torch.from_numpy(rng.standard_normal(truth.shape, dtype=np.float32))
    noisy = ((1 - level) * truth + level * noise).contiguous(memory_format=torch.channels_last)
    # All that is random was drawn on the CPU.
    device = place_of(teacher.unet)
    noisy, truth, t, ids = (part.to(device) for part in (noisy, truth, t, ids))
    empty = token_ids(teacher.tokenizer, [""]).to(device)
    with half_on(device):
        clean, features = guided_clean_and_features(
            teacher.unet, teacher.encoder, noisy[:asked], t[:asked] * 1000, ids[:asked], empty, guidance
        )
    return Lesson(noisy, t * 1000, ids, truth, clean.float(), features, drawn.scenes)


def noise_levels(rng: np.random.Generator, count: int, path: list[float], pure_noise_share: float = 0.0) -> Tensor:
    """float32 [count] in (0, 1]. `path` is what devices visit, from 1 down to 0.

    `pure_noise_share` of them are 1, where a picture begins and only the caption says what it will be; of the others, most
    are at levels that devices visit.
    """
    visited = rng.choice([level for level in path if level > LOWEST_LEVEL], size=count)
    anywhere = rng.uniform(LOWEST_LEVEL, 1, size=count)
    levels = np.where(rng.random(count) < AT_STEPS_SHARE, visited, anywhere)
    if pure_noise_share:
        levels[rng.random(count) < pure_noise_share] = 1.0
    return torch.from_numpy(levels.astype(np.float32))

"""Lessons for a student: rendered scenes made noisy, with the guided teacher's answers to the first of them.

A guided teacher costs two forward passes a picture, more than the student's whole step, so it answers a share of each
batch; for the rest the rendered truth stands alone.

A batch has up to three parts, by the recipe's shares: pictures made noisy, which the teacher answers; pure noise, where a
picture begins and only the caption says what it will be; and pure noise that the student itself takes some steps down,
because what it meets on a device are its own earlier answers, with their faults (backward distillation, Kohler et al. 2024).
Where the truth is not in the noise, objects stand exactly where their captions put them, and what a caption leaves out is
as usual: what nothing tells can only be learned as a blur.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.sources.batches import batch
from stillhouse_models.sources.caption import PLAIN, SHORT, Wording
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
    scenes are what the rendered pictures show. The last `own` are still pure noise, from which the student is to come to
    their timestep by itself, in `own_steps` steps: see own_path.py.
    """

    noisy: Tensor
    timestep: Tensor
    ids: Tensor
    truth: Tensor
    clean: Tensor
    features: list[Tensor]
    scenes: list[Scene]
    own: int = 0
    own_steps: int = 0


@dataclass(frozen=True)
class LessonPlan:
    """How many pictures: `asked` of the noisy ones the teacher answers, with `guidance`. `steps` of a device's schedule."""

    steps: int
    noisy: int
    asked: int
    guidance: float = 1.0
    pure: int = 0
    own: int = 0


@torch.no_grad()
def draw_lesson(teacher: Painter, sprites: SpriteSet, rng: np.random.Generator, plan: LessonPlan) -> Lesson:
    asked, exactly = plan.asked, replace(sprites, jitter=0)
    short, short_own = plan.pure // 2, plan.own // 2
    parts = [
        (sprites, plan.noisy, Wording()),
        (exactly, short, SHORT), (exactly, plan.pure - short, Wording()),
        (exactly, short_own, SHORT), (exactly, plan.own - short_own, PLAIN),
    ]  # fmt: skip
    drawn = [batch(scenes, rng, size, PAIR_SHARE, wording, settle=True) for scenes, size, wording in parts if size]
    texts = loosened([c.text for part in drawn for c in part.captions], rng, 0.0, UNKNOWN_WORD)
    ids, truth = token_ids(teacher.tokenizer, texts), to_tensor(np.concatenate([part.pictures for part in drawn]))
    noisy, t, own_steps = make_noisy(truth, rng, plan)
    # All that is random was drawn on the CPU.
    device = place_of(teacher.unet)
    noisy, truth, t, ids = (part.to(device) for part in (noisy, truth, t, ids))
    empty = token_ids(teacher.tokenizer, [""]).to(device)
    with half_on(device):
        clean, features = guided_clean_and_features(
            teacher.unet, teacher.encoder, noisy[:asked], t[:asked] * 1000, ids[:asked], empty, plan.guidance
        )
    scenes = [scene for part in drawn for scene in part.scenes]
    return Lesson(noisy, t * 1000, ids, truth, clean.float(), features, scenes, plan.own, own_steps)


def make_noisy(truth: Tensor, rng: np.random.Generator, plan: LessonPlan) -> tuple[Tensor, Tensor, int]:
    """The pictures as a lesson has them, in the plan's order (noisy, pure, own), with what `Lesson.own_steps` says.

    `truth` float32 [B, 3, h, w] on the CPU -> noisy like it, channels last; noise levels float32 [B] in (0, 1].
    """
    own, path = plan.own, sigmas(plan.steps)
    own_steps = int(rng.integers(plan.steps)) if own else 0
    levels = torch.cat([noise_levels(rng, plan.noisy, path), torch.ones(plan.pure), torch.full((own,), path[own_steps])])
    level = torch.cat([levels[: len(levels) - own], torch.ones(own)]).view(-1, 1, 1, 1)
    noise = torch.from_numpy(rng.standard_normal(truth.shape, dtype=np.float32))
    noisy = ((1 - level) * truth + level * noise).contiguous(memory_format=torch.channels_last)
    return noisy, levels, own_steps


def noise_levels(rng: np.random.Generator, count: int, path: list[float]) -> Tensor:
    """float32 [count] in (0, 1]. `path` is what devices visit, from 1 down to 0."""
    visited = rng.choice([level for level in path if level > LOWEST_LEVEL], size=count)
    anywhere = rng.uniform(LOWEST_LEVEL, 1, size=count)
    return torch.from_numpy(np.where(rng.random(count) < AT_STEPS_SHARE, visited, anywhere).astype(np.float32))

"""A student of a cached teacher, judged by how near its latents come to the teacher's, from the same noise, for new prompts."""

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.cached_teacher.latent_cache import LatentCache
from stillhouse_models.training.cached_school import held_out
from stillhouse_models.training.judge import Paint
from stillhouse_models.training.pictures import to_pixels

MOST_PICTURES = 96


class CachedJudge:
    """`likeness`: the share of the teacher's variance that the student explains, from 0; 1 is the teacher itself.

    The variance is between pictures, so that painting all pictures' mean is worth nothing.
    """

    share = "likeness"

    def __init__(self, cache: LatentCache, held: int):
        self.cache, seeds = cache, cache.plan.seeds
        pictures = [i * seeds + seed for i in held_out(cache.plan.prompts, held) for seed in range(seeds)][:MOST_PICTURES]
        paths = torch.stack([cache.path(picture) for picture in pictures])
        self.noise, self.wanted = paths[:, 0], paths[:, -1]
        self.prompts = [cache.prompts[picture // seeds] for picture in pictures]

    def __call__(self, paint: Paint) -> dict[str, float]:
        return {self.share: likeness(paint(self.prompts, self.noise).float().cpu(), self.wanted)}

    def words(self, shares: dict[str, float]) -> str:
        return f"{shares[self.share]:.1%} like the teacher on held-out prompts"

    def shown(self, painted: Tensor) -> np.ndarray:
        return decoded(self.cache, painted)


def likeness(painted: Tensor, wanted: Tensor) -> float:
    """1 - squared error / variance around the pictures' mean (around the picture's own where there is but one), at least 0."""
    around = wanted.mean(dim=0) if len(wanted) > 1 else wanted.mean()
    return max(0.0, 1 - ((painted - wanted).square().mean() / (wanted - around).square().mean().clamp(min=1e-12)).item())


@torch.no_grad()
def decoded(cache: LatentCache, latents: Tensor) -> np.ndarray:
    """uint8 [n, h, w, 3] by the teacher's own decoder, which is in memory only here. One picture at a time."""
    import diffusers

    config = diffusers.AutoencoderKL.load_config(cache.folder / "vae", local_files_only=True)
    vae = getattr(diffusers, config["_class_name"]).from_pretrained(cache.folder / "vae", local_files_only=True)
    vae.to(latents.device)
    shift = vae.config.get("shift_factor") or 0.0
    pixels = [vae.decode(each[None] / vae.config.scaling_factor + shift).sample for each in latents.float()]
    return to_pixels(torch.cat(pixels))

"""The teacher's paths from noise to latents, as points of flow matching: x_t = (1 - t) * x0 + t * noise, t from 1 to 0.

A path of a teacher with betas is x = a * x0 + s * noise with a^2 + s^2 = 1; divided by a + s it is one of flow matching, at
t = s / (a + s).
"""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.cached_teacher.cache_plan import CachePlan
from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder


def noise_of(plan: CachePlan, picture: int) -> Tensor:
    """Its own for each picture, whatever shard it is in and wherever work began: float32 [channels, side, side]."""
    drawn = np.random.default_rng([plan.seed, picture]).standard_normal((plan.channels, plan.side, plan.side), dtype=np.float32)
    return torch.from_numpy(drawn)


@torch.no_grad()
def paint_latents(
    pipeline: Any, teacher: TeacherFolder, plan: CachePlan, told: dict[str, Tensor], negative: dict[str, Tensor], noise: Tensor
) -> dict[str, Tensor]:
    """noise [n, C, h, w] -> `states` float16 [n, plan.states, C, h, w], the first the noise, and `levels` float32, 1 to 0."""
    path: list[Tensor] = []

    def keep(_: Any, step: int, timestep: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        path.append(values["latents"])
        return {}

    pixels = plan.side * teacher.scale
    flux = teacher.pipeline == "FluxPipeline"
    device, dtype = pipeline.device, getattr(pipeline, teacher.kind.denoiser).dtype
    begun = noise.to(device, dtype if teacher.pipeline != "ZImagePipeline" else torch.float32)
    if flux:
        begun = pipeline._pack_latents(begun, *noise.shape)
    final = pipeline(
        **_told(teacher, told, negative, plan.guidance, device, dtype), latents=begun, height=pixels, width=pixels,
        num_inference_steps=plan.steps, guidance_scale=plan.guidance, output_type="latent", callback_on_step_end=keep,
    ).images  # fmt: skip
    points = [*path[:-1], final]
    if flux:
        points = [pipeline._unpack_latents(each, pixels, pixels, pipeline.vae_scale_factor) for each in points]
    points = [each.float().cpu() for each in points]
    levels = _flow_levels(pipeline.scheduler) if teacher.kind.flow else None
    if levels is None:
        scales, levels = _beta_levels(pipeline.scheduler, plan.steps)
        points = [point / scale for point, scale in zip(points, scales, strict=True)]
    kept = range(len(points)) if plan.states > 2 else [len(points) - 1]
    states = torch.stack([noise, *(points[i] for i in kept)], dim=1)
    return {"states": states.half(), "levels": torch.tensor([1.0, *(levels[i] for i in kept)])}


def _told(
    teacher: TeacherFolder, told: dict[str, Tensor], negative: dict[str, Tensor], guidance: float, device: Any, dtype: Any
) -> dict[str, Any]:
    # Z-Image counts guidance from 0, as what is added to the prompt's own answer; Flux's is an input of the network.
    begins = {"ZImagePipeline": 0.0, "FluxPipeline": math.inf}.get(teacher.pipeline, 1.0)
    guided = guidance > begins
    count = len(told["context"])
    if teacher.pipeline == "ZImagePipeline":
        positive = [each[:length].to(device, dtype) for each, length in zip(told["context"], told["lengths"], strict=True)]
        untold = negative["context"][0, : negative["lengths"][0]].to(device, dtype)
        return {"prompt_embeds": positive} | ({"negative_prompt_embeds": [untold] * count} if guided else {})
    names = {"context": "prompt_embeds", "pooled": "pooled_prompt_embeds"}
    found = {name: told[key].to(device, dtype) for key, name in names.items() if key in told}
    if guided:
        for key, name in names.items():
            if key in negative:
                found[f"negative_{name}"] = negative[key].to(device, dtype).expand(count, *negative[key].shape[1:])
    return found


def _flow_levels(scheduler: Any) -> list[float]:
    """After each step; the last is 0."""
    return [float(sigma) for sigma in scheduler.sigmas[1:]]


def _beta_levels(scheduler: Any, steps: int) -> tuple[list[float], list[float]]:
    """What to divide the latents after each step by, and where on a flow's path they then are. The last is the picture."""
    scales, levels = [], []
    for _, following in itertools.pairwise(scheduler.timesteps):
        alpha = float(scheduler.alphas_cumprod[following])
        signal, noise = alpha**0.5, (1 - alpha) ** 0.5
        scales.append(signal + noise)
        levels.append(noise / (signal + noise))
    return [*scales, 1.0], [*levels, 0.0]

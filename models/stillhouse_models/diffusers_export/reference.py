"""What diffusers itself paints: the pictures that the TypeScript pipelines are compared with."""

import base64
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

from stillhouse_models.diffusers_export.read_pipeline import read_pipeline


@dataclass(frozen=True)
class Wanted:
    """One request. `scheduler` is a class of diffusers that takes the folder's own place."""

    prompt: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    negative_prompt: str | None = None
    scheduler: str | None = None
    tiled: bool = False


def paint(folder: Path, wanted: list[Wanted]) -> list[dict[str, Any]]:
    """Each request with its pixels, 8-bit RGB, rows from the top, in base64."""
    pipeline = read_pipeline(folder)
    pipeline.set_progress_bar_config(disable=True)
    own = pipeline.scheduler
    painted = []
    for one in wanted:
        named = getattr(diffusers, one.scheduler).from_config(own.config) if one.scheduler else type(own).from_config(own.config)
        pipeline.scheduler = named
        if hasattr(pipeline.vae, "use_tiling"):
            pipeline.vae.use_tiling = one.tiled
        pixels = _pixels(pipeline, one)
        painted.append({**asdict(one), "pixels": base64.b64encode(pixels.tobytes()).decode()})
    return painted


def _pixels(pipeline: Any, one: Wanted) -> np.ndarray:
    negative = {} if one.negative_prompt is None else {"negative_prompt": one.negative_prompt}
    with torch.no_grad():
        image = pipeline(
            one.prompt, num_inference_steps=one.steps, guidance_scale=one.guidance, width=one.width, height=one.height,
            generator=torch.Generator().manual_seed(one.seed), output_type="np", **negative,
        ).images[0]  # fmt: skip
    return np.asarray((image * 255).round().astype(np.uint8))

"""What diffusers itself paints: the pictures that the TypeScript pipelines are compared with."""

import base64
import inspect
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from stillhouse_models.diffusers_export.merge_adapter import merge_adapter
from stillhouse_models.diffusers_export.read_pipeline import read_pipeline

MAY_LACK = ("image", "mask", "strength", "lora", "lora_scale", "batch")
"""What is left out of a request that has none."""


@dataclass(frozen=True)
class Wanted:
    """One request. `scheduler` is a class of diffusers that takes the folder's own place; `image` and `mask` PNGs in base64."""

    prompt: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    negative_prompt: str | None = None
    scheduler: str | None = None
    tiled: bool = False
    image: str | None = None
    mask: str | None = None
    strength: float | None = None
    lora: str | None = None
    """A file beside the graphs."""
    lora_scale: float | None = None
    batch: int | None = None
    """Pictures of one run, of seeds one after the other, each with a generator of its own."""


def paint(folder: Path, wanted: list[Wanted], adapters: Path = Path()) -> list[dict[str, Any]]:
    """Each request with its pixels in base64: 8-bit RGB, rows from the top, a picture after another.

    `adapters` is the folder of LoRA files.
    """
    pipeline = read_pipeline(folder)
    diffusers.logging.set_verbosity_error()
    own = pipeline.scheduler
    painted = []
    for one in wanted:
        if one.lora:
            pipeline = read_pipeline(folder)
            merge_adapter(pipeline, adapters / one.lora, one.lora_scale or 1.0)
        painted.append(paint_one(_painter(pipeline, one), own, one))
    return painted


def paint_one(painter: Any, own: Any, one: Wanted) -> dict[str, Any]:
    """@param own: the folder's scheduler, whose settings any other takes over"""
    named = getattr(diffusers, one.scheduler).from_config(own.config) if one.scheduler else type(own).from_config(own.config)
    painter.set_progress_bar_config(disable=True)
    # Last: the constructor turns `clip_sample` off in a scheduler that it is given, and a new one of a kind has it on.
    painter.scheduler = named
    if hasattr(painter.vae, "use_tiling"):
        painter.vae.use_tiling = one.tiled
    pixels = _pixels(painter, one)
    asked = {name: value for name, value in asdict(one).items() if value is not None or name not in MAY_LACK}
    return {**asked, "pixels": base64.b64encode(pixels.tobytes()).decode()}


def _painter(pipeline: Any, one: Wanted) -> Any:
    if type(pipeline).__name__.endswith("InpaintPipeline") or not one.image:
        return pipeline
    kind = diffusers.AutoPipelineForInpainting if one.mask else diffusers.AutoPipelineForImage2Image
    return kind.from_pipe(pipeline)


def smooth_picture(width: int, height: int, seed: int) -> str:
    """A PNG in base64 to begin from: waves of random colours, which no encoder maps to nothing."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 16
    waves = [np.sin(generator.uniform(0.2, 2) * x + generator.uniform(0.2, 2) * y + generator.uniform(0, 6)) for _ in range(3)]
    file = io.BytesIO()
    Image.fromarray(((np.stack(waves, axis=-1) + 1) * 127.5).astype(np.uint8)).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def blotchy_mask(width: int, height: int, seed: int) -> str:
    """A grey PNG in base64 of any levels: blotches larger than a latent, whose edges fall within latents."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (5, 5), dtype=np.uint8))
    file = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _pixels(pipeline: Any, one: Wanted) -> np.ndarray:
    asked: dict[str, Any] = {} if one.negative_prompt is None else {"negative_prompt": one.negative_prompt}
    if one.mask is not None:
        asked |= {"mask_image": Image.open(io.BytesIO(base64.b64decode(one.mask)))}
    if one.image is None:
        asked |= {"width": one.width, "height": one.height}
        if type(pipeline).__name__.endswith("InpaintPipeline"):
            # All of it is filled, so what it was does not show; SDXL's own strength would leave a trace of it.
            picture = Image.new("RGB", (one.width, one.height))
            asked |= {"image": picture, "mask_image": Image.new("L", picture.size, 255), "strength": 1.0}
    else:
        asked |= {"image": Image.open(io.BytesIO(base64.b64decode(one.image))), "strength": one.strength}
        # The others take the picture's own size. optimum's classes hand on to those of diffusers.
        if "width" in inspect.signature(getattr(pipeline, "auto_model_class", type(pipeline)).__call__).parameters:
            asked |= {"width": one.width, "height": one.height}
    seeds = [(one.seed + i) % 2**32 for i in range(one.batch or 1)]
    with torch.no_grad():
        images = pipeline(
            one.prompt, num_inference_steps=one.steps, guidance_scale=one.guidance, num_images_per_prompt=len(seeds),
            generator=[torch.Generator().manual_seed(seed) for seed in seeds], output_type="np", **asked,
        ).images  # fmt: skip
    return np.asarray((images * 255).round().astype(np.uint8))

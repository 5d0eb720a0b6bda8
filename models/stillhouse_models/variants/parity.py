"""Whether a variant makes the trained networks' pictures: the same prompts, noise and steps in PyTorch and in its runtime."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stillhouse_models.pipeline import Pipeline
from stillhouse_models.scheduler import FlowMatchEuler
from stillhouse_models.variants.kinds import Kind, VariantError
from stillhouse_models.weights import Painter

PICTURES = 8


@dataclass(frozen=True)
class TorchGraph:
    """A network called as a runtime's graph is."""

    network: nn.Module
    inputs: tuple[str, ...]

    def run(self, _outputs: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            return [self.network(*(torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in self.inputs)).numpy()]


def torch_pipeline(painter: Painter, shift: float) -> Pipeline:
    config = painter.unet.config
    return Pipeline(
        painter.tokenizer,
        TorchGraph(painter.encoder, ("input_ids",)),
        TorchGraph(painter.unet, ("sample", "timestep", "encoder_hidden_states")),
        FlowMatchEuler(shift=shift),
        side=config["sample_size"],
        channels=config["in_channels"],
    )


@dataclass(frozen=True)
class Reference:
    """The trained networks' pictures, uint8 [n, h, w, 3]."""

    prompts: list[str]
    pictures: np.ndarray
    steps: int


def reference_pictures(pipeline: Pipeline, prompts: list[str], steps: int) -> Reference:
    some = prompts[:PICTURES]
    return Reference(some, np.stack([pipeline(prompt, seed, steps) for seed, prompt in enumerate(some)]), steps)


def check_parity(kind: Kind, folder: Path, reference: Reference) -> dict[str, object]:
    """The manifest's Parity. Refuses a variant that strays further than its kind may."""
    pipeline = Pipeline.load(folder, inference_precision=kind.inference_precision)
    made = np.stack([pipeline(prompt, seed, reference.steps) for seed, prompt in enumerate(reference.prompts)])
    apart = np.abs(made.astype(np.float64) - reference.pictures).mean(axis=(1, 2, 3))
    worst = float(apart.max())
    if worst > kind.allowed_levels:
        raise VariantError(
            f"{kind.name}: the picture of {reference.prompts[int(apart.argmax())]!r} is {worst:.1f} levels from PyTorch's on "
            f"average, {kind.allowed_levels:g} are allowed: leave this variant out, or give it more bits"
        )
    return {
        "reference": f"torch {torch.__version__.split('+')[0]}, float32",
        "pictures": len(reference.prompts),
        "worstMeanDifferenceLevels": round(worst, 4),
        "allowedMeanDifferenceLevels": kind.allowed_levels,
    }

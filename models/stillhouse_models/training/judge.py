"""A network's pictures judged by the evaluator while it trains: one number every few minutes."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from stillhouse_models.networks.evaluator import Evaluator
from stillhouse_models.sources.batches import batch, heads
from stillhouse_models.sources.caption import PLAIN, Caption
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.compute_device import CPU, place_of
from stillhouse_models.training.pictures import to_pixels

JUDGE_SEED = 77
# Tells pictures to the judge from ids and noise: (texts, noise [B, 3, side, side]) -> pictures like noise.
Paint = Callable[[list[str], Tensor], Tensor]


def load_evaluator(sprites: SpriteSet, file: Path, device: torch.device = CPU) -> Evaluator:
    state = load_file(file)
    # Which widths it has can be read off its convolutions: those that change the width, after the first.
    widths = [state[f"body.{i}.0.weight"].shape[0] for i in range(7)]
    channels = (widths[0], widths[1], widths[3], widths[5])
    network = Evaluator({name: len(names) for name, names in heads(sprites).items()}, sprites.resolution, channels)
    network.load_state_dict(state)
    return network.to(device).eval()


class PhaseJudge(Protocol):
    """What a phase is judged by: shares from 0 to 1, of which `share` decides whether it is kept."""

    share: str
    prompts: list[str]

    def __call__(self, paint: Paint) -> dict[str, float]: ...

    def words(self, shares: dict[str, float]) -> str: ...

    def shown(self, painted: Tensor) -> np.ndarray:
        """uint8 [n, h, w, 3] of what was painted."""
        ...


class Judge:
    share = "parts"

    def __init__(self, sprites: SpriteSet, evaluator: Evaluator, prompts: int = 96):
        self.sprites, self.evaluator = sprites, evaluator
        self.captions = batch(sprites, np.random.default_rng(JUDGE_SEED), prompts, 0.5, PLAIN, held_out=True).captions
        self.prompts = [caption.text for caption in self.captions]
        side = sprites.resolution
        self.noise = torch.randn(prompts, 3, side, side, generator=torch.Generator().manual_seed(JUDGE_SEED))

    def __call__(self, paint: Paint) -> dict[str, float]:
        """Shares: `parts` of all promised parts, `every` of pictures with every part right, singles and pairs apart."""
        pictures = paint([caption.text for caption in self.captions], self.noise)
        found = found_parts(self.sprites, self.evaluator, pictures, self.captions)
        pair = np.array(["object2" in caption.parts for caption in self.captions])
        every = np.array([all(parts.values()) for parts in found])
        right = [value for parts in found for value in parts.values()]
        return {
            "parts": float(np.mean(right)),
            "every": float(every.mean()),
            "every_single": float(every[~pair].mean()),
            "every_pair": float(every[pair].mean()),
        }

    def words(self, shares: dict[str, float]) -> str:
        return f"{shares['parts']:.1%} of the parts found, {shares['every']:.1%} of the pictures whole"

    def shown(self, painted: Tensor) -> np.ndarray:
        return to_pixels(painted)


@torch.no_grad()
def found_parts(sprites: SpriteSet, evaluator: Evaluator, pictures: Tensor, captions: list[Caption]) -> list[dict[str, bool]]:
    """For each picture: promised part -> whether the evaluator finds it."""
    seen = pictures.to(place_of(evaluator)).float().clamp(-1, 1)
    answers = {head: logits.argmax(1).cpu() for head, logits in evaluator(seen).items()}
    names = heads(sprites)
    return [
        {head: names[head][int(answers[head][i])] == wanted for head, wanted in caption.parts.items()}
        for i, caption in enumerate(captions)
    ]

"""The evaluation set of a version: held-out prompts, their seeds, what they promise, and the teacher's own pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from stillhouse_models.adherence import OnnxEvaluator, picture_adherence, quality_scores
from stillhouse_models.noise import randn
from stillhouse_models.sources.batches import batch
from stillhouse_models.sources.caption import PLAIN, Caption
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.conditions import guided_clean, token_ids
from stillhouse_models.training.pictures import to_pixels
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.weights import Painter

DRAW_SEED = 20_261_124
FIRST_SEED = 1000


def evaluation_captions(sprites: SpriteSet, count: int) -> list[Caption]:
    """Singles and pairs in turn, so that the first n of them are a fair sample too."""
    rng = np.random.default_rng(DRAW_SEED)
    singles = batch(sprites, rng, count - count // 2, 0.0, PLAIN, held_out=True).captions
    pairs = batch(sprites, rng, count // 2, 1.0, PLAIN, held_out=True).captions
    return [(singles if i % 2 == 0 else pairs)[i // 2] for i in range(count)]


def teacher_pictures(teacher: Painter, prompts: list[str], seeds: list[int], steps: int, guidance: float) -> np.ndarray:
    """uint8 [n, side, side, 3], from the same noise that devices start with."""
    side, channels = teacher.unet.config["sample_size"], teacher.unet.config["in_channels"]
    noise = np.stack([randn(seed, channels * side * side).reshape(channels, side, side) for seed in seeds])
    ids, empty = token_ids(teacher.tokenizer, prompts), token_ids(teacher.tokenizer, [""])

    def clean(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return guided_clean(teacher.unet, teacher.encoder, x, t, ids, empty, guidance)

    return to_pixels(sample(clean, torch.from_numpy(noise), sigmas(steps)))


def write_evaluation_set(
    version: Path, sprites: SpriteSet, teacher: Painter, count: int, steps: int, guidance: float
) -> dict[str, Any]:
    """Writes evaluation/ beside the evaluator already in evaluator/; returns the teacher's scores."""
    captions = evaluation_captions(sprites, count)
    seeds = [FIRST_SEED + i for i in range(count)]
    pictures = teacher_pictures(teacher, [c.text for c in captions], seeds, steps, guidance)
    evaluator = OnnxEvaluator.load(version / "evaluator")
    (version / "evaluation/teacher").mkdir(parents=True, exist_ok=True)
    rows, adherences = [], []
    for index, (caption, seed, picture) in enumerate(zip(captions, seeds, pictures, strict=True)):
        path = f"evaluation/teacher/{index:03d}.png"
        Image.fromarray(picture).save(version / path, optimize=True)
        adherences.append(picture_adherence(caption.parts, evaluator.labels(picture)))
        teacher_row = {"picture": path, "adherence": adherences[-1]}
        rows.append({"prompt": caption.text, "seed": seed, "expected": caption.parts, "teacher": teacher_row})
    (version / "evaluation/evaluation.json").write_text(json.dumps({"prompts": rows}, indent=1) + "\n")
    return quality_scores(adherences, adherences)

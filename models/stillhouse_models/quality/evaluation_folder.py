"""What a version brings to be judged by: its evaluation set, its evaluator and its teacher's pictures."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from stillhouse_models.adherence import OnnxEvaluator
from stillhouse_models.quality.perceptual import PerceptualDistance

# Decoders of latents make eight pixels of one.
LATENT_PATCH = 8


@dataclass(frozen=True)
class EvaluationFolder:
    """`rows`: the prompts of evaluation.json; `teacher`: the pictures they name, uint8 [n, h, w, 3], where they are there."""

    rows: list[dict]
    evaluator: OnnxEvaluator
    perceptual: PerceptualDistance
    teacher: np.ndarray | None

    @classmethod
    def load(cls, version: Path) -> "EvaluationFolder":
        file = version / "evaluation/evaluation.json"
        if not file.exists():
            raise FileNotFoundError(f"{version} has no evaluation set (evaluation/evaluation.json): nothing to judge it by")
        rows = json.loads(file.read_text())["prompts"]
        evaluator = OnnxEvaluator.load(version / "evaluator")
        perceptual = PerceptualDistance.load(version / "evaluator/model.onnx", evaluator.config)
        return cls(rows, evaluator, perceptual, _teacher_pictures(version, rows))


def _teacher_pictures(version: Path, rows: list[dict]) -> np.ndarray | None:
    files = [version / row["teacher"]["picture"] for row in rows if "picture" in row["teacher"]]
    if len(files) < len(rows) or not all(file.exists() for file in files):
        return None
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def grid_period(variant: Path) -> int:
    """Pixels between the borders of a denoiser's patches: where a grid would show. `variant` is a variant's folder."""
    config = variant / "unet/config.json"
    patch = json.loads(config.read_text()).get("patch") if config.exists() else None
    return int(patch) if patch and int(patch) > 1 else LATENT_PATCH

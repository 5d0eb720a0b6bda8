"""The one definition of quality, as shared/quality.ts has it: how much of the caption the evaluator finds in the picture."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from stillhouse_models.pipeline import session
from stillhouse_models.quality.bootstrap import CONFIDENCE, interval, mean_in_order, resampled_means


@dataclass(frozen=True)
class OnnxEvaluator:
    network: ort.InferenceSession
    config: dict

    @classmethod
    def load(cls, folder: Path) -> "OnnxEvaluator":
        return cls(session(folder / "model.onnx"), json.loads((folder / "evaluator.json").read_text()))

    def scores(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 RGB [h, w, 3] -> head -> float32 [labels]."""
        wanted = self.config["input"]
        scaled = picture.astype(np.float32) / np.float32(255) * np.float32(wanted["scale"]) + np.float32(wanted["offset"])
        outputs = [head["output"] for head in self.config["heads"]]
        answers = self.network.run(outputs, {wanted["name"]: scaled.transpose(2, 0, 1)[None]})
        return {head["name"]: answer[0] for head, answer in zip(self.config["heads"], answers, strict=True)}

    def labels(self, picture: np.ndarray) -> dict[str, str]:
        scores = self.scores(picture)
        return {head["name"]: head["labels"][int(scores[head["name"]].argmax())] for head in self.config["heads"]}


def picture_adherence(expected: dict[str, str], found: dict[str, str]) -> float:
    """Share of the expected parts that were found, 0..1."""
    if not expected:
        return 1.0
    return sum(found.get(head) == label for head, label in expected.items()) / len(expected)


def quality_scores(pictures: list[float], teacher: list[float]) -> dict[str, Any]:
    """The manifest's Scores: quality 0..5 with the teacher at 5, over the same prompts and seeds.

    The interval comes from resampling prompts, picture and teacher's picture together: what a prompt asks of both cancels.
    """
    if len(pictures) != len(teacher) or not pictures:
        raise ValueError("a score needs at least one picture, and one teacher value a picture")
    low, high = interval(_score(*resampled_means(np.array([pictures, teacher], dtype=np.float64))))
    adherence = mean_in_order(pictures)
    return {
        "quality": float(_score(np.array([adherence]), np.array([mean_in_order(teacher)]))[0]),
        "interval": {"low": low, "high": high, "confidence": CONFIDENCE},
        "adherence": adherence,
        "whole": sum(value == 1 for value in pictures) / len(pictures),
        "prompts": len(pictures),
    }


def _score(adherence: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    return 5 * np.minimum(1.0, adherence / np.maximum(teacher, np.finfo(np.float64).eps))

"""The one definition of quality, as shared/quality.ts has it: how much of the caption the evaluator finds in the picture."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from stillhouse_models.pipeline import session


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


def quality_scores(pictures: list[float], teacher: list[float]) -> dict[str, float | int]:
    """The manifest's Scores: quality 0..5 with the teacher at 5, over the same prompts and seeds."""
    if len(pictures) != len(teacher):
        raise ValueError("a score needs one teacher value a picture")
    adherence = float(np.mean(pictures))
    return {
        "quality": 5 * min(1.0, adherence / max(float(np.mean(teacher)), np.finfo(float).eps)),
        "adherence": adherence,
        "whole": sum(value == 1 for value in pictures) / len(pictures),
        "prompts": len(pictures),
    }

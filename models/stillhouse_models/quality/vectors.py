"""Golden vectors of the quality measures: both sides compute them again (test/golden/quality.json)."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from stillhouse_models.adherence import quality_scores
from stillhouse_models.quality.artifacts import picture_artifacts
from stillhouse_models.quality.bootstrap import mulberry32
from stillhouse_models.quality.diversity import diversity

# As sums of floats in another order differ: relative to values of about 1 to 100.
TOLERANCE = 1e-9
PERIODS = (2, 4, 8)


def quality_vectors(out: Path) -> dict[str, object]:
    """`out` already holds the pictures pipeline-*.png."""
    names = sorted(file.name for file in out.glob("pipeline-*.png"))
    pictures: dict[str, np.ndarray] = {name: np.asarray(Image.open(out / name).convert("RGB")) for name in names}
    made = [made_picture(seed, width, height) for seed, width, height in ((1, 16, 12), (2, 9, 31), (3, 3, 3))]
    return {
        "tolerance": TOLERANCE,
        "scores": [score_case(seed, count) for seed, count in ((1, 1), (2, 7), (3, 48), (4, 200))],
        "artifacts": [
            {"picture": name, "period": period, "expected": asdict(picture_artifacts(picture, period))}
            for name, picture in pictures.items()
            for period in PERIODS
        ]
        + [
            {"made": {"seed": index + 1, "width": picture.shape[1], "height": picture.shape[0]}, "period": 4,
             "expected": asdict(picture_artifacts(picture, 4))}
            for index, picture in enumerate(made)
        ],
        "diversity": [
            {"pictures": some, "expectedLevels": diversity(np.stack([pictures[name] for name in some]))}
            for some in (names[:1], names[:2], names)
        ],
    }  # fmt: skip


def made_picture(seed: int, width: int, height: int) -> np.ndarray:
    """uint8 [height, width, 3]: noise that both sides can draw."""
    values = np.floor(mulberry32(seed, width * height * 3) * 256)
    return values.astype(np.uint8).reshape(height, width, 3)


def score_case(seed: int, count: int) -> dict[str, object]:
    """Adherences of five parts each, the teacher's somewhat higher."""
    drawn = mulberry32(seed, 2 * count)
    pictures = [float(np.floor(value * 6) / 5) for value in drawn[:count]]
    teacher = [float(np.floor((0.3 + 0.7 * value) * 6) / 5) for value in drawn[count:]]
    return {"pictures": pictures, "teacher": teacher, "expected": quality_scores(pictures, teacher)}

"""The worst pictures of a version on a contact sheet: the teacher's left, the student's right, what is wrong below."""

from pathlib import Path

import numpy as np

from stillhouse_models.doctor.examine import Examination
from stillhouse_models.quality.measure_variant import Judged
from stillhouse_models.training.sheet import save_sheet

COUNT, SIDE, COLUMNS = 12, 128, 4


def worst_first(judged: list[Judged]) -> list[int]:
    """By what the student missed and the teacher did not, then by how different it looks."""
    return sorted(
        range(len(judged)),
        key=lambda i: (judged[i].finite, judged[i].adherence - judged[i].teacher_adherence, -(judged[i].perceptual or 0)),
    )


def save_worst(examination: Examination, file: Path, count: int = COUNT) -> list[dict[str, object]]:
    """Writes the sheet; returns what stands on it."""
    judged = examination.measured.judged
    places = worst_first(judged)[:count]
    rows = [judged[place] for place in places]
    texts = [f"{row.prompt} (seed {row.seed}) - {'; '.join(row.missed) or 'every part found'}" for row in rows]
    student = examination.measured.pictures[places]
    teacher = np.zeros_like(student) if examination.teacher is None else examination.teacher[places]
    save_sheet([teacher, student], texts, file, SIDE, COLUMNS)
    return [{"prompt": row.prompt, "seed": row.seed, "missed": row.missed, "psnrDb": row.psnr_db} for row in rows]

"""The way of a recipe with a diffusers teacher: its answers cached, a student of latents trained from them, and judged.

OUT/training/cache/              the teacher's answers, see cached_teacher/fill_cache.py
OUT/pipeline/                    graphs for `still publish`, see export_cached.py
OUT/training/student/student/    the student's denoiser, as diffusers writes it
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from stillhouse_models.folder_lock import folder_lock
from stillhouse_models.manifest import TRAINING
from stillhouse_models.recipe import Recipe, as_made
from stillhouse_models.stages import Stages, do_stage
from stillhouse_models.watch import Watch

STUDENT = "student/student"
PIPELINE = "pipeline"


def run_cached(recipe: Recipe, out: Path, watch: Watch) -> dict[str, Any]:
    """Returns what the student is and how near its teacher. StoppedError, with everything kept, when the watch asks for it."""
    from stillhouse_models.cached_teacher.fill_cache import CACHE, fill_cache, planned
    from stillhouse_models.distil import distil
    from stillhouse_models.export_cached import export_cached
    from stillhouse_models.judge_cached import judge_cached, load_student
    from stillhouse_models.training.compute_device import device_of

    training = out / TRAINING
    device_of(recipe.device)
    teacher, prompts, plan = planned(recipe)
    with folder_lock(training):
        stages = Stages(training / "stages.json")
        filled = {
            "plan": plan.as_json(),
            "prompts": hashlib.sha256("\n".join(prompts).encode()).hexdigest(),
            "teacher": _likeness_of(teacher.folder),
        }
        do_stage(stages, "cache", filled, watch, lambda: fill_cache(recipe, training / CACHE, watch))
        taught = {"seed": recipe.seed, "student": as_made(recipe.student), "held_out": recipe.teacher.held_out}
        do_stage(stages, "student", taught, watch, lambda: distil(recipe, training, training / "student", watch=watch))
        stages.begin("phases", {"phases": [as_made(phase) for phase in recipe.phases]})
        with watch.at_once():
            do_stage(stages, "judge", taught, watch, lambda: judge_cached(recipe, training))
            student = load_student(recipe, training)
            do_stage(stages, "export", taught, watch, lambda: export_cached(teacher, student, out / PIPELINE, watch.say))
    judged = json.loads((training / "judged.json").read_text())
    lineage = json.loads((training / STUDENT / "lineage.json").read_text())
    phases = [{key: row[key] for key in ("name", "steps", "undone", "metrics")} for row in lineage["phases"]]
    told = {"folder": str(out), "student": str(training / STUDENT), "pipeline": str(out / PIPELINE), "model": recipe.name}
    return told | {"steps": recipe.student.steps, "judged": judged, "phases": phases, "cache": plan.as_json()}


def _likeness_of(folder: Path) -> str:
    """sha256 over names, sizes and the small files' bytes: to read all weights of a large teacher takes minutes."""
    total = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        size = file.stat().st_size
        total.update(f"{file.relative_to(folder).as_posix()}\0{size}\0".encode())
        total.update(file.read_bytes() if size < 2**20 else b"")
    return total.hexdigest()

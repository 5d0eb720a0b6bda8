"""The one command on a folder: its stages, its lock, its ends, and what it leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stillhouse_models.faults import RefusedError
from stillhouse_models.folder_lock import folder_lock
from stillhouse_models.manifest import manifest_faults, read_manifest
from stillhouse_models.plot.plot_run import plot_run
from stillhouse_models.ready_parts import TEACHER_PARTS, teacher_fault
from stillhouse_models.recipe import RecipeError, read_recipe
from stillhouse_models.run_recipe import check_recipe, run_recipe
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.stages import Stages, digest_of
from stillhouse_models.time_left import duration, rate_and_time_left
from stillhouse_models.watch import Unwatched

MODELS = Path(__file__).parents[1]
SMALL = """
name = "small"
source = "shapes"
[evaluator]
seconds = 3
channels = [8, 8, 16, 16]
[teacher]
channels = [16, 32]
text_width = 16
text_layers = 1
batch_size = 8
seconds = 3
[student]
family = "separable-unet"
channels = [8, 16]
num_res_blocks = 1
batch_size = 8
[[phases]]
name = "warm-up"
steps = 4
rate = 2e-3
[[phases]]
name = "main"
steps = 3000
rate = 2e-3
tolerance = 1.0
[export]
prompts = 4
precisions = ["fp16"]
"""


class Hears(Unwatched):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def until(condition, process: subprocess.Popen) -> None:  # type: ignore[no-untyped-def, type-arg]
    """However slow the machine is; only a program that has ended is too late."""
    while not condition():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.2)


def rows(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_a_run_is_stopped_killed_and_ends_as_a_version(tmp_path: Path) -> None:
    recipe, out = tmp_path / "small.toml", tmp_path / "out"
    recipe.write_text(SMALL)
    log = out / "training/student/student.jsonl"

    def begin() -> subprocess.Popen:  # type: ignore[type-arg]
        command = [sys.executable, str(MODELS / "toolkit.py"), str(recipe), "--out", str(out), "--json"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def in_main(beyond: int = 0) -> bool:
        return any(row.get("phase") == "main" and row["step"] > beyond and "mse" in row for row in rows(log))

    first = begin()
    until(in_main, first)
    first.send_signal(signal.SIGTERM)
    told = first.communicate()[1]
    assert first.returncode == 128 + signal.SIGTERM
    assert "saved at step" in told
    assert "Traceback" not in told
    reached = max(row["step"] for row in rows(log))

    second = begin()
    until(lambda: in_main(reached), second)
    with pytest.raises(RefusedError, match=f"in use by process {second.pid}"), folder_lock(out / "training", 0):
        pass
    second.kill()
    second.communicate()

    # A phase that is not over may change; the teacher, which is made, may not.
    whole = read_recipe(recipe)
    with pytest.raises(RefusedError, match=r"stage 'teacher'.*\[trained\] seconds: 3 before, 9 now"):
        run_recipe(replace(whole, teacher=replace(whole.teacher, seconds=9)), out, Unwatched())
    shorter = replace(whole, phases=(whole.phases[0], replace(whole.phases[1], steps=1)))
    hears = Hears()
    result = run_recipe(shorter, out, hears)
    assert "teacher: done already" in hears.lines
    assert (result["model"], result["version"]) == ("small", "1.0.0")
    assert [phase["name"] for phase in result["phases"]] == ["warm-up", "main"]
    assert manifest_faults(out, read_manifest(out)) == []

    stages_again = Hears()
    assert run_recipe(shorter, out, stages_again) == result
    assert all(line.endswith("done already") for line in stages_again.lines)
    with pytest.raises(RefusedError, match="stage 'phases'"):
        run_recipe(replace(shorter, phases=whole.phases[:1]), out, Unwatched())
    renamed = run_recipe(replace(shorter, export=replace(shorter.export, version="1.0.1")), out, Unwatched())
    assert renamed["version"] == read_manifest(out)["version"] == "1.0.1"

    names = {file.name for file in plot_run(out)}
    assert {"losses-student.png", "quality-student.png", "teacher-and-student.png", "version.png"} <= names


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(SMALL.replace("seconds = 3", "seconds = 3000"))
    read, write = os.pipe()
    command = [sys.executable, str(MODELS / "toolkit.py"), "--parent-pipe", str(read), str(recipe), "--out", str(tmp_path / "o")]
    child = subprocess.Popen(command, pass_fds=(read,), stderr=subprocess.PIPE, text=True)
    os.close(read)
    until(lambda: (tmp_path / "o/training/stages.json").exists(), child)
    os.close(write)
    told = child.communicate()[1]
    assert child.returncode == 128 + signal.SIGTERM, told
    assert "SIGTERM" in told


def test_a_stage_knows_what_it_was_made_from(tmp_path: Path) -> None:
    stages = Stages(tmp_path / "stages.json")
    assert stages.begin("teacher", {"seed": 0, "channels": (1, 2)})
    assert Stages(tmp_path / "stages.json").begin("teacher", {"seed": 0, "channels": (1, 2)})
    stages.finish("teacher")
    again = Stages(tmp_path / "stages.json")
    assert not again.begin("teacher", {"seed": 0, "channels": (1, 2)})
    with pytest.raises(RefusedError, match="seed: 0 before, 1 now"):
        again.begin("teacher", {"seed": 1, "channels": (1, 2)})


def test_a_digest_is_of_the_content_not_the_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "unet").mkdir(parents=True)
        (tmp_path / name / "unet/config.json").write_text("{}")
    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b")
    (tmp_path / "b/unet/config.json").write_text("{ }")
    assert digest_of(tmp_path / "a") != digest_of(tmp_path / "b")


def test_a_teacher_that_lacks_a_part_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    for part in TEACHER_PARTS:
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / part).write_text("{}")
    config = {"in_channels": 3, "out_channels": 3, "sample_size": 32, "channels": [16, 32]}
    (tmp_path / "unet/config.json").write_text(json.dumps(config))
    assert teacher_fault(tmp_path, shapes()) is None
    (tmp_path / "unet/config.json").write_text(json.dumps(config | {"in_channels": 4, "sample_size": 64}))
    assert "in_channels 4 instead of 3, sample_size 64 instead of 32" in str(teacher_fault(tmp_path, shapes()))
    (tmp_path / "tokenizer/tokenizer.json").unlink()
    assert "lacks tokenizer/tokenizer.json" in str(teacher_fault(tmp_path, shapes()))


def test_levels_that_do_not_correspond_are_found_before_training() -> None:
    recipe = read_recipe(MODELS / "recipes/quick.toml")
    with pytest.raises(RecipeError, match="3 levels, the teacher 2"):
        check_recipe(replace(recipe, student=replace(recipe.student, channels=(8, 16, 32))))
    with pytest.raises(RecipeError, match="known: "):
        check_recipe(replace(recipe, source="photographs"))


def test_time_left_is_told_from_this_run_alone() -> None:
    assert rate_and_time_left(30, 90, "steps", 20, 10.0, {"mse": 0.04321}) == "30 of 90 steps, 2.0 steps/s, 30 s left, mse 0.0432"
    assert rate_and_time_left(5, 10, "steps", 0, 0.0, {}) == "5 of 10 steps"
    assert [duration(seconds) for seconds in (59, 61, 3700)] == ["59 s", "1 min 1 s", "1 h 1 min"]

"""Training made small: coloured shapes, networks of a few thousand weights, a handful of steps."""

import errno
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from stillhouse_models import train_evaluator as evaluator_module
from stillhouse_models import train_teacher as teacher_module
from stillhouse_models.faults import RefusedError, ToolkitError
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.recipe import CHOICES, LOSSES, PhaseRecipe, Recipe, read_recipe
from stillhouse_models.train_teacher import TeacherSettings, TeacherTraining, settings_of
from stillhouse_models.training import checkpoint, compute_device
from stillhouse_models.training.student_run import CHECKPOINT, StudentRun
from stillhouse_models.weights import Painter, load_painter

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"


def small(recipe: Recipe) -> Recipe:
    teacher = replace(recipe.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8)
    return replace(recipe, teacher=teacher, student=replace(recipe.student, channels=(8, 16), batch_size=8))


@pytest.fixture
def settings() -> TeacherSettings:
    return settings_of(small(read_recipe(RECIPE)))


@pytest.fixture
def teacher(settings: TeacherSettings, tmp_path: Path) -> Painter:
    run = TeacherTraining(settings, tmp_path)
    run.save()
    keep_teacher(tmp_path, tmp_path / "teacher")
    return load_painter(tmp_path / "teacher", "teacher-unet")


def test_a_resumed_teacher_goes_on_as_if_never_stopped(settings: TeacherSettings, tmp_path: Path) -> None:
    whole = TeacherTraining(settings, tmp_path)
    for _ in range(3):
        whole.train_step(0.1)
    whole.save()
    expected = [whole.train_step(0.1) for _ in range(3)]
    resumed = TeacherTraining(settings, tmp_path)
    resumed.resume()
    assert [resumed.train_step(0.1) for _ in range(3)] == expected
    assert resumed.step == whole.step


def test_a_teacher_learns(settings: TeacherSettings, tmp_path: Path) -> None:
    run = TeacherTraining(replace(settings, batch_size=16, warmup_steps=1), tmp_path)
    losses, layouts = zip(*(run.train_step(0.1) for _ in range(40)), strict=True)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert np.mean(layouts[-5:]) < np.mean(layouts[:5])


def test_a_teacher_begins_with_kept_weights(settings: TeacherSettings, teacher: Painter, tmp_path: Path) -> None:
    run = TeacherTraining(replace(settings, seed=settings.seed + 1), tmp_path / "another")
    assert not all(torch.equal(a, b) for a, b in zip(run.unet.parameters(), teacher.unet.parameters(), strict=True))
    run.start_from(tmp_path / "teacher")
    for mine, kept in ((run.unet, teacher.unet), (run.encoder, teacher.encoder)):
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), kept.parameters(), strict=True))
    assert (run.step, run.spent) == (0, 0.0)


def test_a_resumed_student_goes_on_as_if_never_stopped(teacher: Painter, tmp_path: Path) -> None:
    recipe = small(read_recipe(RECIPE))
    phase = recipe.phases[1]
    whole = StudentRun(recipe, teacher)
    whole.step(phase, 0.0)
    whole.save(tmp_path)
    expected = [whole.step(phase, 0.1) for _ in range(2)]
    resumed = StudentRun(recipe, teacher)
    resumed.restore(tmp_path / CHECKPOINT)
    assert [resumed.step(phase, 0.1) for _ in range(2)] == expected


def test_a_compiled_student_learns_the_same(teacher: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced, and its gradient's graph too, but without the minutes that C++ takes."""
    monkeypatch.setattr(compute_device.torch, "compile", partial(torch.compile, backend="aot_eager", fullgraph=True))
    monkeypatch.setattr(compute_device.shutil, "which", lambda name: name)
    recipe = small(read_recipe(RECIPE))
    plain, graph = StudentRun(recipe, teacher), StudentRun(replace(recipe, compiled=True), teacher)
    for through in (0.0, 0.1, 0.2):
        expected = plain.step(recipe.phases[1], through)
        assert graph.step(recipe.phases[1], through) == pytest.approx(expected, rel=0.02)


def test_without_a_compiler_a_compiled_student_is_refused(teacher: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RefusedError, match="no C\\+\\+ compiler"):
        StudentRun(replace(small(read_recipe(RECIPE)), compiled=True), teacher)


def with_losses(recipe: Recipe, *names: str) -> Recipe:
    return replace(recipe, phases=(PhaseRecipe("all", 1, 2e-3, dict.fromkeys(names, 0.1)),))


@pytest.mark.parametrize("names", [LOSSES, ("adversarial",), ("dmd", "mse"), ("consistency",)], ids=lambda names: names[0])
def test_a_resumed_student_goes_on_with_all_its_networks(names: tuple[str, ...], teacher: Painter, tmp_path: Path) -> None:
    recipe = with_losses(small(read_recipe(RECIPE)), *names)
    whole = StudentRun(recipe, teacher)
    for _ in range(2):
        whole.step(recipe.phases[0], 0.0)
    whole.save(tmp_path)
    expected = [whole.step(recipe.phases[0], 0.1) for _ in range(2)]
    resumed = StudentRun(recipe, teacher)
    resumed.restore(tmp_path / CHECKPOINT)
    assert [resumed.step(recipe.phases[0], 0.1) for _ in range(2)] == expected
    rivals = {f"{name}-rival" for name in {"adversarial", "dmd"} & set(names)}
    assert set(expected[0]) == {"mse", "truth"} | set(names) | rivals
    assert all(np.isfinite(list(row.values())).all() for row in expected)


def test_a_checkpoint_of_other_losses_is_refused(teacher: Painter, tmp_path: Path) -> None:
    recipe = small(read_recipe(RECIPE))
    StudentRun(with_losses(recipe, "adversarial"), teacher).save(tmp_path)
    with pytest.raises(RefusedError, match=r"networks for \['adversarial'\]"):
        StudentRun(with_losses(recipe, "mse"), teacher).restore(tmp_path / CHECKPOINT)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_moves_the_student(name: str, teacher: Painter) -> None:
    recipe = with_losses(small(read_recipe(RECIPE)), name)
    run = StudentRun(recipe, teacher)
    before = [parameter.clone() for parameter in run.student.parameters()]
    for _ in range(2):
        run.step(recipe.phases[0], 0.0)
    assert any(not torch.equal(a, b) for a, b in zip(before, run.student.parameters(), strict=True))


def test_the_teacher_stays_as_it_is(teacher: Painter) -> None:
    recipe = with_losses(small(read_recipe(RECIPE)), *LOSSES)
    before = {name: value.clone() for name, value in teacher.unet.state_dict().items()}
    run = StudentRun(recipe, teacher)
    for _ in range(2):
        run.step(recipe.phases[0], 0.0)
    assert all(torch.equal(value, before[name]) for name, value in teacher.unet.state_dict().items())


@pytest.mark.parametrize("family", CHOICES["family"])
def test_a_student_of_each_family_starts_from_the_teacher(family: str, teacher: Painter) -> None:
    recipe = small(read_recipe(RECIPE))
    run = StudentRun(replace(recipe, student=replace(recipe.student, family=family, start="teacher")), teacher)
    before = run.student.body.stem.weight.clone()
    run.start_from_teacher()
    assert not torch.equal(run.student.body.stem.weight, before)
    assert torch.equal(run.average.state["body.stem.weight"], run.student.body.stem.weight)


def test_a_frozen_part_stays_and_the_rest_moves(teacher: Painter) -> None:
    run = StudentRun(small(read_recipe(RECIPE)), teacher)
    before = {name: value.clone() for name, value in run.student.state_dict().items()}
    for _ in range(3):
        run.step(PhaseRecipe("fine", 1, 1e-2, {"mse": 1.0}, frozen=("stem",)), 0.0)
    moved = {name for name, value in run.student.state_dict().items() if not torch.equal(value, before[name])}
    assert not any("stem" in name for name in moved)
    assert any("head" in name for name in moved)


def test_a_loss_that_is_no_number_stops_and_names_the_phase(teacher: Painter) -> None:
    run = StudentRun(small(read_recipe(RECIPE)), teacher)
    with torch.no_grad():
        run.student.body.head.out.bias.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="warm-up"):
        run.step(PhaseRecipe("warm-up", 1, 1e-3, {"mse": 1.0}), 0.0)


def test_a_teachers_loss_that_is_no_number_leaves_weights_and_checkpoint(settings: TeacherSettings, tmp_path: Path) -> None:
    run = TeacherTraining(settings, tmp_path)
    run.train_step(0.1)
    run.save()
    before = {name: value.clone() for name, value in run.both.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teacher_module, "mse", lambda *_: torch.tensor(float("inf"), requires_grad=True))
        with pytest.raises(FloatingPointError, match=r"teacher, step 1: the loss is inf; the weights were not touched"):
            run.train_step(0.1)
    assert all(value.equal(before[name]) for name, value in run.both.state_dict().items())
    again = TeacherTraining(settings, tmp_path)
    again.resume()
    assert again.step == 1


def test_a_gradient_that_is_no_number_stops_a_teacher_before_its_weights(settings: TeacherSettings, tmp_path: Path) -> None:
    run = TeacherTraining(settings, tmp_path)
    run.unet.body.head.out.weight.register_hook(lambda gradient: gradient * float("nan"))
    before = run.unet.body.stem.weight.clone()
    with pytest.raises(FloatingPointError, match=r"teacher, step 0: the gradient's norm is nan"):
        run.train_step(0.1)
    assert run.unet.body.stem.weight.equal(before)


def test_a_full_disk_leaves_a_teachers_older_checkpoint(
    settings: TeacherSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TeacherTraining(settings, tmp_path)
    run.save()
    run.train_step(0.1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(ToolkitError, match=r"teacher\.pt could not be saved: No space left .* the older checkpoint"):
        run.save()
    monkeypatch.undo()
    again = TeacherTraining(settings, tmp_path)
    again.resume()
    assert again.step == 0


def test_an_evaluators_loss_that_is_no_number_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator_module, "sum_of_losses", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(FloatingPointError, match=r"evaluator, step 0: the loss is nan"):
        evaluator_module.train_evaluator("shapes", (8, 8, 16, 16), tmp_path, 5)
    assert not (tmp_path / "evaluator.safetensors").exists()

"""Trainings on a device that is not the CPU. None is needed: see stand_in_device.py."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stand_in_device import DEVICE, Held, stand_in
from test_cached_teacher import recipe_of
from typer.testing import CliRunner

from stillhouse_models import distil as distil_module
from stillhouse_models import train_evaluator as evaluator_module
from stillhouse_models.cached_teacher.fill_cache import fill_cache
from stillhouse_models.cli import app
from stillhouse_models.diffusers_export.tiny import make_tiny
from stillhouse_models.faults import RefusedError
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.recipe import CHOICES, LOSSES, PhaseRecipe, Recipe, RecipeError, on_device, read_recipe
from stillhouse_models.run_recipe import check_recipe
from stillhouse_models.train_evaluator import train_evaluator
from stillhouse_models.train_teacher import TeacherTraining, settings_of
from stillhouse_models.training import cached_judge, compute_device
from stillhouse_models.training.compute_device import CPU, arithmetic, device_of, half_on
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.phase_loop import paint
from stillhouse_models.training.student_run import CHECKPOINT, StudentRun
from stillhouse_models.watch import Unwatched
from stillhouse_models.weights import Painter, load_painter

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    whole = read_recipe(RECIPE)
    teacher = replace(whole.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8)
    return replace(whole, teacher=teacher, student=replace(whole.student, channels=(8, 16), batch_size=8))


@pytest.fixture(scope="module")
def kept(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    TeacherTraining(settings_of(recipe), folder).save()
    keep_teacher(folder, folder / "teacher")
    return folder / "teacher"


def loaded(kept: Path) -> Painter:
    painter = load_painter(kept, "teacher-unet")
    for network in (painter.unet, painter.encoder):
        network.requires_grad_(False)
    return painter


def test_a_teacher_learns_there_what_it_learns_on_the_cpu(recipe: Recipe, tmp_path: Path) -> None:
    def steps(training: TeacherTraining) -> list[tuple[float, float]]:
        return [training.train_step(0.1) for _ in range(3)]

    with arithmetic(autocast=False):
        wanted = steps(TeacherTraining(settings_of(recipe), tmp_path))
        with stand_in() as device:
            training = TeacherTraining(settings_of(recipe), tmp_path, device)
            found = steps(training)
            training.save()
            further = training.train_step(0.2)
            # What was saved there goes on there, and on the CPU.
            resumed = TeacherTraining(settings_of(recipe), tmp_path, device)
            resumed.resume()
            assert resumed.train_step(0.2) == further
            painted = training.paint(["a red circle"], torch.randn(1, 3, 32, 32))
        moved = TeacherTraining(settings_of(recipe), tmp_path)
        moved.resume()
        assert moved.train_step(0.2) == pytest.approx(further, rel=1e-4)
    assert found == [pytest.approx(row, rel=1e-4) for row in wanted]
    assert isinstance(painted, Held)
    assert all(isinstance(each, Held) for each in (*training.both.parameters(), *training.average.state.values()))


def test_each_loss_is_there_what_it_is_on_the_cpu(recipe: Recipe, kept: Path, tmp_path: Path) -> None:
    wanted = replace(recipe, phases=(PhaseRecipe("all", 1, 2e-3, dict.fromkeys(LOSSES, 0.1)),))

    def steps(run: StudentRun) -> list[dict[str, float]]:
        return [run.step(wanted.phases[0], 0.0) for _ in range(3)]

    with arithmetic(autocast=False):
        cpu = steps(StudentRun(wanted, loaded(kept)))
        with stand_in() as device:
            run = StudentRun(wanted, loaded(kept).to(device))
            found = steps(run)
            run.save(tmp_path)
            further = run.step(wanted.phases[0], 0.1)
            resumed = StudentRun(wanted, loaded(kept).to(device))
            resumed.restore(tmp_path / CHECKPOINT)
            assert resumed.step(wanted.phases[0], 0.1) == further
    assert set(LOSSES) <= found[0].keys()
    for ours, theirs in zip(found, cpu, strict=True):
        assert ours == pytest.approx(theirs, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("importance", CHOICES["importance"])
def test_a_student_begins_there_with_the_teachers_channels(importance: str, recipe: Recipe, kept: Path) -> None:
    narrow = replace(recipe, student=replace(recipe.student, start="teacher", importance=importance))
    cpu = StudentRun(narrow, loaded(kept))
    cpu.start_from_teacher()
    with stand_in() as device, arithmetic(autocast=False):
        run = StudentRun(narrow, loaded(kept).to(device))
        run.start_from_teacher()
    for name, weight in run.student.state_dict().items():
        assert isinstance(weight, Held)
        torch.testing.assert_close(weight.inner, cpu.student.state_dict()[name])


def test_an_evaluator_is_trained_there_and_judges_there(
    recipe: Recipe, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator_module, "BATCH", 8)
    real = evaluator_module.accuracy
    monkeypatch.setattr(evaluator_module, "accuracy", lambda network, sprites, _: real(network, sprites, 16))
    with stand_in() as device:
        share = train_evaluator("shapes", (8, 8, 16, 16), tmp_path, 1.0, device=device)
        run = StudentRun(recipe, loaded(kept).to(device))
        judge = Judge(run.sprites, load_evaluator(run.sprites, tmp_path / "evaluator.safetensors", device), prompts=8)
        shares = judge(lambda texts, noise: paint(run, texts, noise))
        run.school.keep(run.student, tmp_path / "student")
    assert 0 <= share <= 1
    assert 0 <= shares["parts"] <= 1
    # What is kept is read on the CPU.
    again = load_painter(tmp_path / "student").unet.state_dict()
    assert all(weight.device == CPU and weight.isfinite().all() for weight in again.values())


def test_the_stand_in_refuses_what_a_gpu_refuses() -> None:
    with stand_in() as device:
        there = torch.ones(2, 3, device=device)
        assert (there + 1).sum().item() == 12
        for mixed in (lambda: there + torch.ones(2, 3), lambda: torch.cat([there, torch.ones(1, 3)])):
            with pytest.raises(RuntimeError, match="two devices"):
                mixed()


def test_a_device_that_is_not_there_is_refused_before_anything_begins(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_of("auto") == device_of("cpu") == CPU
    for name in ("cuda", "mps"):
        with pytest.raises(RefusedError, match=f'asks for "{name}", and PyTorch .* finds no such device here, only cpu'):
            check_recipe(replace(recipe, device=name))
    run = CliRunner().invoke(app, ["run", str(RECIPE), "--out", str(tmp_path / "out"), "--device", "cuda"])
    assert isinstance(run.exception, RefusedError)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device_of("auto").type == device_of("mps").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto").type == "cuda"


def test_bfloat16_is_left_where_it_is_not_wanted_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def arithmetic_of(device: torch.device) -> torch.dtype:
        with half_on(device):
            return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32

    for has, wanted in ((False, torch.float32), (True, torch.bfloat16)):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert arithmetic_of(CPU) == wanted
    with arithmetic(autocast=False):
        assert arithmetic_of(CPU) == torch.float32
    assert arithmetic_of(CPU) == torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert compute_device.has_half(torch.device("cuda")) == has


def test_a_recipe_names_its_device(tmp_path: Path) -> None:
    text, file = RECIPE.read_text(), tmp_path / "recipe.toml"
    file.write_text('device = "cpu"\nautocast = false\ncompiled = true\n' + text)
    recipe = read_recipe(file)
    assert (recipe.device, recipe.autocast, recipe.compiled) == ("cpu", False, True)
    assert on_device(recipe, "cuda").device == "cuda"
    assert on_device(recipe, None) == recipe
    with pytest.raises(RecipeError, match=r"--device: device is 'tpu'; known: \['auto', 'cpu', 'cuda', 'mps'\]"):
        on_device(recipe, "tpu")
    for line, message in (
        ("device = 3", "device is 3"),
        ("autocast = 1", "autocast is 1; expected true or false"),
        ("compiled = 1", "compiled is 1; expected true or false"),
    ):
        file.write_text(f"{line}\n{text}")
        with pytest.raises(RecipeError, match=message):
            read_recipe(file)


def test_a_student_of_a_cached_teacher_learns_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(tmp_path, make_tiny("sd", tmp_path / "sd", 1), 'keep = "trajectory"')
    fill_cache(recipe, tmp_path / "training/cache", Unwatched())
    monkeypatch.setattr(distil_module, "device_of", lambda _: DEVICE)
    # diffusers loads a network by the device "meta", which is taken here.
    monkeypatch.setattr(cached_judge, "decoded", lambda _, latents: np.zeros((len(latents), 16, 16, 3), dtype=np.uint8))
    with stand_in():
        distil_module.distil(recipe, tmp_path / "training", tmp_path / "out", watch=Unwatched())
    weights = load_file(tmp_path / "out/student/unet/diffusion_pytorch_model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())
    rows = json.loads((tmp_path / "out/phases.json").read_text())
    assert [0 <= row["metrics"]["likeness"] <= 1 for row in rows] == [True, True]

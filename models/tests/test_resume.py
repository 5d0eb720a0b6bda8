"""A distillation that is stopped, killed, or runs out of disk, and goes on as if nothing had been."""

import json
import resource
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stillhouse_models import distil as distil_module
from stillhouse_models.distil import distil
from stillhouse_models.faults import RefusedError, StoppedError, ToolkitError
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.networks.evaluator import Evaluator
from stillhouse_models.recipe import Recipe, read_recipe
from stillhouse_models.sources.batches import heads
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.train_teacher import TeacherTraining, settings_of
from stillhouse_models.training import close_phase, phase_loop
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.judge import Judge, Paint
from stillhouse_models.watch import Unwatched

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"
STEPS = (5, 6, 3)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    whole = read_recipe(RECIPE)
    return replace(
        whole,
        teacher=replace(whole.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8),
        student=replace(whole.student, channels=(8, 16), batch_size=8),
        # A tolerance of 1 forgives whatever an untrained evaluator thinks.
        phases=tuple(replace(phase, seconds=None, steps=n, tolerance=1.0) for phase, n in zip(whole.phases, STEPS, strict=True)),
    )


@pytest.fixture(scope="module")
def training(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    TeacherTraining(settings_of(recipe), folder).save()
    keep_teacher(folder, folder / "teacher")
    sprites = shapes()
    network = Evaluator({name: len(names) for name, names in heads(sprites).items()}, sprites.resolution, (8, 8, 16, 16))
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / "evaluator.safetensors")
    return folder


@pytest.fixture(scope="module", autouse=True)
def _every_step_is_logged_and_few_pictures_are_judged() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phase_loop, "LOG_EVERY_STEPS", 1)
        patch.setattr(distil_module, "Judge", partial(distil_module.Judge, prompts=8))
        yield


class KilledError(BaseException):
    pass


class Interrupts(Unwatched):
    """After so many steps, asks to stop (`kindly`) or ends the process's work where it stands."""

    def __init__(self, after: int, kindly: bool):
        self.left, self.kindly = after, kindly

    @property
    def stop_asked(self) -> bool:  # type: ignore[override]
        return self.kindly and self.left <= 0

    def stop_if_asked(self, done: str) -> None:
        raise StoppedError(signal.SIGTERM, done)

    def tell(self, what: str, done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
        self.left -= 1
        if self.left <= 0 and not self.kindly:
            raise KilledError


def losses(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "student.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("time", "spent")} for row in rows if "mse" in row]


@pytest.fixture(scope="module")
def whole(recipe: Recipe, training: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    distil(recipe, training, out, watch=Unwatched())
    return out


def same(a: dict, b: dict) -> bool:
    """States equal to the last bit, but for the clock."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a if key != "spent")
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@pytest.mark.parametrize("kindly", [True, False], ids=["stopped", "killed"])
def test_an_interrupted_run_is_the_same_run_to_the_last_bit(
    kindly: bool, recipe: Recipe, training: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A killed run goes back to its last checkpoint: here one stands behind every third step.
    monkeypatch.setattr(phase_loop, "SAVE_EVERY_SECONDS", -1 if kindly else 0)
    ends = 0
    for after in (2, 4, 3, 100):
        try:
            distil(recipe, training, tmp_path, watch=Interrupts(after, kindly))
        except (StoppedError, KilledError):
            ends += 1
    assert ends == 3
    assert losses(tmp_path) == losses(whole)
    assert len(losses(whole)) == sum(STEPS)
    mine, theirs = load_checkpoint(tmp_path / "student.pt"), load_checkpoint(whole / "student.pt")
    assert [key for key in theirs if not same(mine[key], theirs[key])] == []
    mine, theirs = (load_file(f / "student/unet/diffusion_pytorch_model.safetensors") for f in (tmp_path, whole))
    assert same(mine, theirs)


def test_a_kill_while_a_phase_is_closed_repeats_its_end_only(
    recipe: Recipe, training: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = close_phase.save_checkpoint

    def dies(state: dict, file: Path) -> None:
        real(state, file)
        raise KilledError

    monkeypatch.setattr(close_phase, "save_checkpoint", dies)
    with pytest.raises(KilledError):
        distil(recipe, training, tmp_path, watch=Unwatched())
    monkeypatch.setattr(close_phase, "save_checkpoint", real)
    distil(recipe, training, tmp_path, watch=Unwatched())
    assert losses(tmp_path) == losses(whole)
    assert len(json.loads((tmp_path / "phases.json").read_text())) == len(STEPS)
    assert sorted(file.name for file in tmp_path.glob("best-*.pt")) == sorted(file.name for file in whole.glob("best-*.pt"))


def test_a_phase_that_is_over_cannot_be_changed_and_a_later_one_can(recipe: Recipe, training: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        distil(recipe, training, tmp_path, watch=Interrupts(7, kindly=True))
    first, second, third = recipe.phases
    with pytest.raises(RefusedError, match="'warm-up' is over"):
        distil(replace(recipe, phases=(replace(first, rate=1.0), second, third)), training, tmp_path, watch=Unwatched())
    changed = replace(recipe, phases=(first, replace(second, rate=1e-3), third))
    distil(changed, training, tmp_path, watch=Unwatched())


def test_what_loses_too_much_is_undone(recipe: Recipe, training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.5, 0.4, 0.45])
    told: list[str] = []

    class Falls:
        def __init__(self, real: Judge):
            self.real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

        def __call__(self, paint: Paint) -> dict[str, float]:
            return self.real(paint) | {"parts": next(shares)}

    class Hears(Unwatched):
        def say(self, line: str) -> None:
            told.append(line)

    real = distil_module.Judge
    monkeypatch.setattr(distil_module, "Judge", lambda *given: Falls(real(*given)))
    phases = tuple(replace(phase, tolerance=0.06) for phase in recipe.phases)
    distil(replace(recipe, phases=phases), training, tmp_path, watch=Hears())
    rows = json.loads((tmp_path / "phases.json").read_text())
    assert [row["undone"] for row in rows] == [False, True, False]
    assert "back to the weights of phase 'warm-up'" in told[1]
    assert json.loads((tmp_path / "student/lineage.json").read_text())["phases"] == rows


def test_a_loss_that_is_no_number_leaves_the_last_checkpoint(recipe: Recipe, training: Path, tmp_path: Path) -> None:
    first, second, third = recipe.phases
    wild = replace(recipe, phases=(first, replace(second, losses={"mse": float("inf")}), third))
    with pytest.raises(FloatingPointError, match=r"phase 'main', step 5: the loss is inf .*mse.*weights were not touched"):
        distil(wild, training, tmp_path, watch=Unwatched())
    kept = load_checkpoint(tmp_path / "student.pt")
    assert kept["progress"]["step"] == STEPS[0]
    assert all(tensor.isfinite().all() for tensor in kept["student"].values())
    distil(recipe, training, tmp_path, watch=Unwatched())


def test_a_full_disk_says_so_and_keeps_the_older_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    save_checkpoint({"step": 1}, file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(
            ToolkitError, match=r"state\.pt could not be saved: .*MiB free.*the older checkpoint state\.pt is kept"
        ):
            save_checkpoint({"step": 2, "weights": torch.zeros(1_000_000)}, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(file) == {"step": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["state.pt"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ToolkitError, match=r"state\.pt is no checkpoint that can be read"):
        load_checkpoint(tmp_path / "state.pt")

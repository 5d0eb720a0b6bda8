"""Teaching a student a few pictures more: a merged version, an adapter version, and whatever may be wrong with what is given."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from PIL import Image
from safetensors.torch import save_file

from stillhouse_models.adapt import train_adapter as training_module
from stillhouse_models.adapt.adapt import adapt
from stillhouse_models.adapt.base_version import load_base
from stillhouse_models.adapt.export_adapted import AdaptedVersion
from stillhouse_models.adapt.lora import adapted_layers, merged, with_lora
from stillhouse_models.adapt.low_rank_graph import factors
from stillhouse_models.adapt.read_pictures import Pictures, PicturesError, read_pictures
from stillhouse_models.adapt.train_adapter import AdapterSettings, AdapterTraining, train_adapter
from stillhouse_models.distil import keep_student
from stillhouse_models.export import ExportRequest, export_version
from stillhouse_models.faults import RefusedError, StoppedError, ToolkitError
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.manifest import manifest_faults, read_manifest
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.evaluator import Evaluator
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.recipe import read_recipe
from stillhouse_models.sources.batches import heads
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.sources.stickers import stickers
from stillhouse_models.train_teacher import TeacherTraining, settings_of
from stillhouse_models.training.conditions import token_ids
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.variants.kinds import VariantError
from stillhouse_models.watch import Unwatched
from stillhouse_models.weights import load_painter

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"
CHECKPOINT = Path(__file__).parents[1] / "checkpoints/stickers/student"
SIDE = 32
SETTINGS = AdapterSettings(rank=2, steps=30, rate=1e-2, batch_size=4, denoising_steps=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of small networks that learned nothing, with what it was exported from."""
    folder = tmp_path_factory.mktemp("base")
    whole = read_recipe(RECIPE)
    teacher = replace(whole.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8)
    recipe = replace(whole, teacher=teacher, student=replace(whole.student, channels=(16, 32), batch_size=8))
    TeacherTraining(settings_of(recipe), folder / "t").save()
    keep_teacher(folder / "t", folder / "t/teacher")
    run = StudentRun(recipe, load_painter(folder / "t/teacher"))
    with torch.no_grad():
        for name, parameter in run.student.named_parameters():
            if "narrow" in name and parameter.ndim > 1:  # blocks begin as the identity; here they shall do something
                parameter.normal_(std=0.05)
    run.average = type(run.average)(run.student, decay=0.998)
    (folder / "t/student").mkdir()
    keep_student(run, folder / "t/student")
    network = Evaluator({name: len(names) for name, names in heads(shapes()).items()}, SIDE, (8, 8, 16, 16))
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / "t/evaluator.safetensors")
    request = ExportRequest(
        model="tiny", version="1.0.0", source="shapes", student=folder / "t/student/student", teacher=folder / "t/teacher",
        evaluator=folder / "t/evaluator.safetensors", out=folder, description="", steps=2, precisions=("fp16",), prompts=4,
        teacher_steps=2,
    )  # fmt: skip
    made = export_version(request)
    shutil.copytree(folder / "t/student/student", made / "training/student/student")
    return made


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder, rng = tmp_path / "pictures", np.random.default_rng(3)
    folder.mkdir()
    for i, colour in enumerate(("red", "blue", "green")):
        pixels = np.full((SIDE, SIDE, 3), rng.integers(256, size=3), dtype=np.uint8)
        pixels[8:24, 8:24] = rng.integers(256, size=3)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"a {colour} square\n")
    return folder


def version(merge: bool, *precisions: str) -> AdaptedVersion:
    return AdaptedVersion("tiny-adapted", "1.0.0", "for the test", merge, precisions or ("fp16",))


@pytest.mark.parametrize("merge", [True, False], ids=["merged", "adapter"])
def test_a_version_comes_of_it(merge: bool, base: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    precisions = ("fp32", "fp16", "int8") if not merge else ("fp16", "int8")
    result = adapt(base, None, pictures, SETTINGS, version(merge, *precisions), out, Unwatched(), "cpu")
    manifest = read_manifest(out)
    assert manifest_faults(out, manifest) == []
    known = load_base(base, None)
    assert manifest["base"] == known.named() | {"method": "lora", "rank": 2, "merged": merge}
    assert manifest["lineage"]["phases"][-1]["name"] == "adapt"
    assert result["variants"][0]["parity"]["worstMeanDifferenceLevels"] <= 1
    # The pictures are other ones than the base's, and the sum that runs is the merged network's.
    ours, theirs = (Pipeline.load(folder / "onnxruntime-fp16")("a red square", 5, 2).astype(int) for folder in (out, base))
    assert np.abs(ours - theirs).mean() > 2
    if not merge:
        data = {path: digest for path, digest in digests(out).items() if path.endswith("model.onnx_data")}
        again = tmp_path / "again"
        adapt(base, None, pictures, replace(SETTINGS, seed=7), version(False, *precisions), again, Unwatched(), "cpu")
        # Another adapter of the base has files of the same bytes, so only the small ones travel.
        other = digests(again)
        assert {path: other[path] for path in data} == data
        assert other["onnxruntime-fp16/unet/model.onnx"] != digests(out)["onnxruntime-fp16/unet/model.onnx"]
        loaded = PeftModel.from_pretrained(load_painter(known.student).unet.body, str(out / "adapter"))
        assert loaded.peft_config["default"].base_model_name_or_path.endswith(known.digest)
    # Nothing is done twice, and another number of the same weights is made without training.
    stamp = (out / "training/adapter.jsonl").read_text()
    adapt(base, None, pictures, SETTINGS, replace(version(merge), version="1.0.1"), out, Unwatched(), "cpu")
    assert read_manifest(out)["version"] == "1.0.1"
    assert (out / "training/adapter.jsonl").read_text() == stamp
    with pytest.raises(RefusedError, match=r"rank: 2 before, 3 now"):
        adapt(base, None, pictures, replace(SETTINGS, rank=3), version(merge), out, Unwatched(), "cpu")


def digests(folder: Path) -> dict[str, str]:
    return {each["path"]: each["sha256"] for each in read_manifest(folder)["artifacts"]}


def test_a_trained_student_paints_the_pictures_and_keeps_what_it_knew_if_asked_to() -> None:
    painter, steps = load_painter(CHECKPOINT), 3
    side, rng = painter.unet.config["sample_size"], np.random.default_rng(4)
    pixels = np.repeat(rng.integers(256, size=(3, 1, 1, 3), dtype=np.uint8), side, axis=1).repeat(side, axis=2)
    pixels[:, side // 4 : side // 2] = 255
    captions, others = ["a fox", "an owl", "a banana on teal background"], ["a house", "a frog above a star", "a large crown"]
    given = Pictures(pixels, captions, "")
    noise = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(6))

    def painted(student: Denoiser, texts: list[str]) -> torch.Tensor:
        with torch.no_grad():
            told = painter.encoder(token_ids(painter.tokenizer, texts))
        return sample(lambda x, t: student.clean(x, t, told), noise, sigmas(steps))

    def apart(one: torch.Tensor, other: torch.Tensor) -> float:
        return (one - other).square().mean().item()

    moved = {}
    for keep in (0.0, 0.5):
        settings = replace(SETTINGS, steps=60, rank=8, batch_size=8, rate=1e-2, denoising_steps=steps, keep=keep)
        training = AdapterTraining(painter, stickers(), given, settings)
        for _ in range(60):
            training.learn()
        before, after = (apart(painted(each, captions), to_tensor(pixels)) for each in (painter.unet, training.student))
        print(before, after)
        assert after < 0.2 * before
        moved[keep] = apart(painted(training.student, others), painted(painter.unet, others))
    assert moved[0.5] < 0.5 * moved[0.0]


class StopsAfter(Unwatched):
    def __init__(self, steps: int):
        self.left = steps

    @property
    def stop_asked(self) -> bool:  # type: ignore[override]
        self.left -= 1
        return self.left < 0

    def stop_if_asked(self, done: str) -> None:
        raise StoppedError(15, done)


def test_a_stopped_or_killed_training_goes_on_to_the_same_weights(
    base: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, given = load_base(base, None).painter, read_pictures(pictures, SIDE)
    settings = replace(SETTINGS, keep=0.25)
    whole = train_adapter(painter, shapes(), given, settings, tmp_path / "whole", Unwatched())
    for after in (7, 11):
        with pytest.raises(StoppedError, match="saved the adapter at step"):
            train_adapter(painter, shapes(), given, settings, tmp_path / "cut", StopsAfter(after))
    # Killed: the checkpoint of step 18 is what is there.
    monkeypatch.setattr(AdapterTraining, "learn", killed_at(AdapterTraining.learn, 22))
    with pytest.raises(KeyboardInterrupt):
        train_adapter(painter, shapes(), given, settings, tmp_path / "cut", Unwatched())
    monkeypatch.undo()
    cut = train_adapter(painter, shapes(), given, settings, tmp_path / "cut", Unwatched())
    for (name, ours), theirs in zip(cut.named_parameters(), whole.parameters(), strict=True):
        assert ours.equal(theirs), name
    rows = [json.loads(line) for line in (tmp_path / "cut/adapter.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [20]


def killed_at(learn: object, step: int) -> object:
    def dies(self: AdapterTraining) -> float:
        if self.step == step:
            raise KeyboardInterrupt
        return learn(self)  # type: ignore[operator]

    return dies


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(
    base: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, given = load_base(base, None).painter, read_pictures(pictures, SIDE)
    monkeypatch.setattr(training_module, "mse", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(FloatingPointError, match=r"adapter, step 0: the loss is nan; the weights were not touched"):
        train_adapter(painter, shapes(), given, SETTINGS, tmp_path / "t", Unwatched())


def test_what_is_wrong_with_the_pictures_is_named(pictures: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(PicturesError, match=r"empty has no pictures; expected .png, .jpg, .jpeg, .webp of 32x32"):
        read_pictures(empty, SIDE)
    (pictures / "1.txt").unlink()
    (pictures / "2.txt").write_text(" \n")
    with pytest.raises(PicturesError, match=r"no caption for 1.png, 2.png: write it .* \(1.txt\), or into metadata.jsonl"):
        read_pictures(pictures, SIDE)
    (pictures / "2.txt").unlink()
    (pictures / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "a fox"}\n\n{"file_name": "2.png"}\n')
    with pytest.raises(PicturesError, match=r"metadata.jsonl, line 3: expected"):
        read_pictures(pictures, SIDE)
    (pictures / "metadata.jsonl").write_text(
        '{"file_name": "1.png", "text": "a fox"}\n{"file_name": "2.png", "text": "an owl"}\n'
    )
    assert read_pictures(pictures, SIDE).captions == ["a red square", "a fox", "an owl"]
    with pytest.raises(PicturesError, match=r"expected pictures of 64x64, .*: 0.png \(32x32\), 1.png \(32x32\), 2.png"):
        read_pictures(pictures, 64)
    (pictures / "0.png").write_bytes(b"no picture")
    with pytest.raises(PicturesError, match=r"0.png is no picture that can be read"):
        read_pictures(pictures, SIDE)


def test_what_is_wrong_with_the_base_is_named(base: Path, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"has no manifest.json: an adapter names its base version"):
        load_base(tmp_path, None)
    bare = tmp_path / "bare"
    shutil.copytree(base, bare, ignore=shutil.ignore_patterns("training"))
    with pytest.raises(ToolkitError, match=r"name their folder by --student"):
        load_base(bare, None)
    other = load_painter(base / "training/student/student")
    with torch.no_grad():
        other.unet.body.head.out.bias.add_(1.0)
    for name, network in (("unet", other.unet), ("text_encoder", other.encoder)):
        network.save_pretrained(tmp_path / "other" / name)
    shutil.copytree(base / "training/student/student/tokenizer", tmp_path / "other/tokenizer")
    with pytest.raises(RefusedError, match=r"are not the weights of tiny@1.0.0: they paint its golden picture"):
        load_base(bare, tmp_path / "other")
    with pytest.raises(VariantError, match=r"openvino-fp16: an adapter version adds to weights that ONNX Runtime"):
        adapt(base, None, pictures, SETTINGS, version(False, "openvino-fp16"), tmp_path / "out", Unwatched(), "cpu")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_of_each_family_begin_as_nothing_and_merge_into_the_same(family: str) -> None:
    torch.manual_seed(2)
    student = FAMILIES[family](channels=[16, 32], num_res_blocks=1, sample_size=16, context_channels=8).eval()
    layers = adapted_layers(student.body)
    assert {"stem", "blocks", "head"} <= {part for name in layers for part in name.split(".")}
    _, adapters = with_lora(student, 2)
    given = (torch.randn(2, 3, 16, 16), torch.tensor([900.0, 100.0]), torch.randn(2, 5, 8))
    with torch.no_grad():
        assert adapters(*given).equal(student.clean(*given))
        for name, parameter in adapters.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
        torch.testing.assert_close(merged(student, adapters).clean(*given), adapters(*given), rtol=1e-3, atol=1e-4)
        assert (adapters(*given) - student.clean(*given)).abs().max() > 1e-2


def test_a_difference_of_too_high_a_rank_is_refused() -> None:
    rng = np.random.default_rng(1)
    low = (rng.standard_normal((8, 2)) @ rng.standard_normal((2, 12))).astype(np.float32)
    left, right = factors(low.reshape(8, 3, 2, 2), 2)
    np.testing.assert_allclose(left @ right, low, atol=1e-5)
    with pytest.raises(VariantError, match=r"is no matrix of rank 1"):
        factors(low, 1)

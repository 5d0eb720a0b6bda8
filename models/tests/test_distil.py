"""The whole way, small: a teacher and an evaluator of seconds, a student in three phases, a version that holds together."""

from dataclasses import replace
from pathlib import Path

import pytest

from stillhouse_models.damage import damage
from stillhouse_models.distil import distil
from stillhouse_models.export import ExportRequest, export_version
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.manifest import manifest_faults, read_manifest
from stillhouse_models.quality.measure_variant import score_variant
from stillhouse_models.recipe import read_recipe
from stillhouse_models.train_evaluator import train_evaluator
from stillhouse_models.train_teacher import settings_of, train_teacher

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distil")
    whole = read_recipe(RECIPE)
    recipe = replace(
        whole,
        teacher=replace(whole.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=16),
        student=replace(whole.student, channels=(8, 16), batch_size=16),
        phases=tuple(replace(phase, seconds=4.0) for phase in whole.phases),
    )
    train_evaluator("shapes", (8, 8, 16, 16), folder, 15)
    train_teacher(settings_of(recipe), folder, 15)
    keep_teacher(folder, folder / "teacher")
    distil(recipe, folder, folder / "run")
    return export_version(
        ExportRequest(
            "shapes-test", "1.0.0", "shapes", folder / "run/student", folder / "teacher", folder / "evaluator.safetensors",
            folder / "out", "made by a test", steps=4, prompts=12, teacher_steps=4,
        )
    )  # fmt: skip


def test_the_version_holds_together(version: Path) -> None:
    manifest = read_manifest(version)
    assert manifest_faults(version, manifest) == []
    assert [phase["name"] for phase in manifest["lineage"]["phases"]] == ["warm-up", "main", "fine-tuning"]
    assert {variant["precision"] for variant in manifest["variants"]} == {"fp16", "int8"}


def test_scores_are_measured_again_the_same(version: Path) -> None:
    for variant in read_manifest(version)["variants"]:
        assert score_variant(version, variant["name"], variant["steps"]) == variant["scores"]


def test_a_changed_byte_is_found(version: Path) -> None:
    manifest = read_manifest(version)
    file = version / "golden/onnxruntime-fp16/0.png"
    sound = file.read_bytes()
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert manifest_faults(version, manifest) == ["golden/onnxruntime-fp16/0.png has other bytes than its digest says"]
    file.write_bytes(sound)


def test_a_damaged_version_is_consistent_and_promises_what_the_sound_one_did(version: Path, tmp_path: Path) -> None:
    damaged = damage(version, "1.2.0", 1.0, tmp_path)
    manifest = read_manifest(damaged)
    assert manifest_faults(damaged, manifest) == []
    assert manifest["variants"][0]["scores"] == read_manifest(version)["variants"][0]["scores"]
    graph = "onnxruntime-fp16/unet/model.onnx"
    assert (damaged / graph).read_bytes() != (version / graph).read_bytes()

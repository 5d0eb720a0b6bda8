"""The quality measures: each says what it should of pictures made for it, and of those that a version makes."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stillhouse_models import inference_precision
from stillhouse_models.adherence import OnnxEvaluator, quality_scores
from stillhouse_models.doctor.examine import pictures_to_make as doctor_pictures_to_make
from stillhouse_models.faults import RefusedError
from stillhouse_models.quality.artifacts import picture_artifacts
from stillhouse_models.quality.bootstrap import mean_interval, mulberry32
from stillhouse_models.quality.diversity import diversity
from stillhouse_models.quality.evaluate_version import evaluate_version, pictures_to_make
from stillhouse_models.quality.evaluation_folder import EvaluationFolder
from stillhouse_models.quality.fidelity import psnr_db, ssim
from stillhouse_models.quality.perceptual import PerceptualDistance
from stillhouse_models.quality.quality_table import quality_table
from stillhouse_models.quality.vectors import made_picture, quality_vectors
from stillhouse_models.training.phase_curve import phase_curve

REPOSITORY = Path(__file__).parents[2]
VERSION = REPOSITORY / "test/fixtures/shapes-tiny/1.1.0"
GOLDEN = REPOSITORY / "test/golden"


def test_the_golden_vectors_are_what_is_computed() -> None:
    written, computed = json.loads((GOLDEN / "quality.json").read_text()), quality_vectors(GOLDEN)
    assert computed["scores"] == written["scores"]
    for case, again in zip(written["artifacts"], computed["artifacts"], strict=True):  # type: ignore[call-overload]
        assert again["expected"] == pytest.approx(case["expected"], rel=written["tolerance"], abs=written["tolerance"])


def test_mulberry32_is_the_known_sequence() -> None:
    # Of the reference in JavaScript, for seed 1.
    assert mulberry32(1, 3).tolist() == [0.6270739405881613, 0.002735721180215478, 0.5274470399599522]


def test_an_interval_is_about_as_wide_as_theory_says() -> None:
    values = mulberry32(7, 400)
    low, high = mean_interval(values.tolist())
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_a_score_without_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        quality_scores([], [])


def test_fidelity_is_perfect_for_equal_pictures_and_falls_with_noise() -> None:
    picture = np.asarray(Image.open(VERSION / "evaluation/teacher/000.png").convert("RGB"))
    assert (psnr_db(picture, picture), ssim(picture, picture)) == (100.0, pytest.approx(1.0))
    noise = np.random.default_rng(3).standard_normal(picture.shape)
    noisy = [np.clip(picture + strength * noise, 0, 255).round().astype(np.uint8) for strength in (4, 16, 64)]
    psnr, similar = [psnr_db(each, picture) for each in noisy], [ssim(each, picture) for each in noisy]
    assert psnr == sorted(psnr, reverse=True)
    assert similar == sorted(similar, reverse=True)
    # By definition: 20 log10(255 / 4), less what clipping takes away.
    grey = np.full((64, 64, 3), 128, np.uint8)
    offset = grey + np.uint8(4)
    assert psnr_db(grey, offset) == pytest.approx(20 * np.log10(255 / 4))


def test_ssim_of_two_even_pictures_is_the_luminance_term_alone() -> None:
    a, b = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(a, b) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1))


def test_perceptual_distance_sees_another_object_and_forgives_a_little_noise() -> None:
    config = OnnxEvaluator.load(VERSION / "evaluator").config
    distance = PerceptualDistance.load(VERSION / "evaluator/model.onnx", config)
    first, second = (np.asarray(Image.open(VERSION / f"evaluation/teacher/{i:03d}.png").convert("RGB")) for i in (0, 1))
    noise = np.random.default_rng(3).standard_normal(first.shape) * 2
    noisy = np.clip(first + noise, 0, 255).round().astype(np.uint8)
    assert distance(first, first) == 0
    assert distance(first, noisy) < 0.5 * distance(first, second)


def test_a_grid_is_found_at_its_period_and_where_there_is_none_it_is_not() -> None:
    base = np.asarray(Image.open(VERSION / "evaluation/teacher/002.png").convert("RGB")).astype(float)
    borders = (np.arange(32) % 4 == 0).astype(float)
    grid = np.clip(base - 40 * np.maximum(borders[:, None], borders[None, :])[..., None], 0, 255).astype(np.uint8)
    plain, seen = picture_artifacts(base.astype(np.uint8), 4), picture_artifacts(grid, 4)
    assert seen.grid > plain.grid + 0.2
    assert seen.seams > plain.seams + 0.2
    assert picture_artifacts(made_picture(9, 64, 64), 4).grid < 0.02


def test_diversity_is_the_mean_over_all_pairs() -> None:
    pictures = np.stack([made_picture(seed, 6, 5) for seed in (1, 2, 3, 4)]).astype(float)
    pairs = [np.square(pictures[i] - pictures[j]).mean() for i in range(4) for j in range(i)]
    assert diversity(pictures.astype(np.uint8)) == pytest.approx(np.sqrt(np.mean(pairs)))
    assert diversity(np.repeat(made_picture(1, 6, 5)[None], 3, axis=0)) == pytest.approx(0, abs=1e-6)


def test_a_version_is_judged_variant_by_variant_as_it_was_published() -> None:
    seen = []
    result = evaluate_version(VERSION, lambda: seen.append(1))
    assert len(seen) == pictures_to_make(VERSION)
    (row,) = result["variants"]
    assert set(row) >= {"name", "score", "interval", "adherence", "whole", "fidelity", "artifacts", "diversity"}
    assert row["interval"]["low"] <= row["score"] <= row["interval"]["high"]
    assert set(row["fidelity"]) == {"psnrDb", "ssim", "perceptual"}
    assert row["artifacts"]["nonFinite"] == 0
    assert row["diversity"]["seedLevels"] > 0
    assert json.loads(json.dumps(result)) == result
    assert "onnxruntime-fp16" in quality_table(result)


def test_what_this_processor_does_not_compute_is_named_and_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_precision, "processor_computes_in", lambda precision: precision == "f32")
    copy = tmp_path / "version"
    shutil.copytree(VERSION, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    narrow = manifest["variants"][0] | {"name": "openvino-fp16-bf16", "inferencePrecision": "bf16"}
    narrow |= {"instructionSets": {"x64": ["avx512_bf16"]}}
    (copy / "manifest.json").write_text(json.dumps(manifest | {"variants": [*manifest["variants"], narrow]}))
    assert pictures_to_make(copy) == pictures_to_make(VERSION)
    assert doctor_pictures_to_make(copy) == doctor_pictures_to_make(VERSION)
    result = evaluate_version(copy)
    assert result["notJudged"] == ["openvino-fp16-bf16"]
    assert "openvino-fp16-bf16: not judged, since this processor does not compute in it" in quality_table(result)
    (copy / "manifest.json").write_text(json.dumps(manifest | {"variants": [narrow]}))
    with pytest.raises(RefusedError, match="none of openvino-fp16-bf16: it has none of avx512_bf16; judge"):
        evaluate_version(copy)


def test_a_folder_without_teacher_pictures_has_no_fidelity(tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "version"
    shutil.copytree(VERSION, copy)
    (copy / "evaluation/teacher/003.png").unlink()
    assert EvaluationFolder.load(copy).teacher is None
    shutil.rmtree(copy / "evaluation")
    with pytest.raises(FileNotFoundError, match="no evaluation set"):
        EvaluationFolder.load(copy)


def test_a_curve_has_a_few_points_and_the_later_of_two_rows_counts(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"phase": "main", "step": 50 * i, "spent": 1.0, "mse": 9.0} for i in range(1, 4)]
    rows += [{"phase": "main", "step": 50 * i, "spent": 1.0, "mse": 1.0 / i} for i in range(1, 31)]
    rows += [{"phase": "other", "step": 9999, "mse": 5.0}, {"phase": "main", "step": 7777, "parts": 0.5}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    curve = phase_curve(tmp_path / "log.jsonl", "main", 10)
    assert [point["step"] for point in curve] == [150 * i for i in range(1, 11)]
    assert curve[0]["mse"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert phase_curve(tmp_path / "log.jsonl", "absent") == []


def test_artifacts_of_a_picture_of_one_colour_are_numbers() -> None:
    assert asdict(picture_artifacts(np.full((8, 8, 3), 255, np.uint8), 4)) == {
        "grid": 0.0, "seams": 1.0, "clipping": 1.0, "sharpness": 0.0, "flat": 1.0,
    }  # fmt: skip

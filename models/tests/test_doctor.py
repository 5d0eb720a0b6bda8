"""The doctor's diagnoses: of students trained for it (tests/doctor/, made by students.py there), and of weights damaged here."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from typer.testing import CliRunner

from stillhouse_models import inference_precision
from stillhouse_models.cli import app
from stillhouse_models.doctor.causes import causes, fall_if_doubled, main_phase
from stillhouse_models.doctor.diagnose import diagnose, report
from stillhouse_models.doctor.examine import examine, most_bits_first
from stillhouse_models.doctor.facts import Facts, StepsTrial
from stillhouse_models.doctor.report_text import report_text
from stillhouse_models.doctor.worst_sheet import worst_first
from stillhouse_models.manifest import read_manifest

REPOSITORY = Path(__file__).parents[2]
SHAPES = REPOSITORY / "test/fixtures/shapes-tiny/1.1.0"
DAMAGED = REPOSITORY / "test/fixtures/stickers-lite-damaged/1.2.0"
TRAINED = Path(__file__).parent / "doctor"


def trained(kind: str) -> Facts:
    kept = json.loads((TRAINED / f"{kind}.json").read_text())
    return Facts(**(kept | {"trials": [StepsTrial(**trial) for trial in kept["trials"]]}))


def copy_of(version: Path, folder: Path, **changes: Any) -> Path:
    """A version with other words in its manifest, which the doctor does not hold against its digests."""
    copy = folder / version.parent.name / version.name
    shutil.copytree(version, copy)
    manifest = read_manifest(copy)
    manifest["variants"][0] |= changes
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("half-channels", "more-channels"),
        ("wrong-weights", "loss-weights"),
        ("too-short", "longer-main-phase"),
        ("unfinished", "longer-main-phase"),
    ],
)
def test_a_trained_student_is_told_what_it_lacks(kind: str, remedy: str) -> None:
    facts = trained(kind)
    told = report(facts)
    assert told["diagnosis"] == remedy
    assert told["findings"][0]["artifact"] == "captions not followed"
    assert any(character.isdigit() for character in told["findings"][0]["remedies"][0]["why"])


def test_too_few_denoising_steps_are_found_by_trying_more(tmp_path: Path) -> None:
    """From weights: a version trained for four steps, published with one."""
    examination = examine(copy_of(SHAPES, tmp_path, steps=1))
    (first, *_) = causes(examination.facts)
    assert first.remedy == "more-steps"
    assert report(examination.facts)["diagnosis"] == "more-steps"
    gains = {trial.steps: trial.psnr_gain_db for trial in examination.facts.trials}
    assert set(gains) == {2, 4}
    assert all(gain is not None and gain > 0 for gain in gains.values())


def test_a_version_with_steps_enough_gains_nothing_by_more(tmp_path: Path) -> None:
    facts = examine(SHAPES).facts
    assert "more-steps" not in [cause.remedy for cause in causes(facts)]


def test_noisy_weights_show_as_a_grid_and_noise() -> None:
    """From weights: the demo's damaged version."""
    artifacts = {finding.artifact for finding in diagnose(examine(DAMAGED).facts)}
    assert {"captions not followed", "unlike the teacher", "noise", "grid"} <= artifacts


def test_an_infinite_weight_is_found_and_shown_first(tmp_path: Path) -> None:
    copy = copy_of(SHAPES, tmp_path)
    file = copy / "onnxruntime-fp16/unet/model.onnx"
    graph = onnx.load(str(file))
    tensor = next(t for t in graph.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16)
    values = numpy_helper.to_array(tensor).copy()
    values.ravel()[0] = np.inf
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    file.write_bytes(graph.SerializeToString())
    (first, *_) = diagnose(examine(copy).facts)
    assert (first.artifact, first.remedies[0]["remedy"]) == ("no numbers", "precision")


def test_the_teacher_itself_has_nothing_wrong() -> None:
    facts = trained("unfinished")
    as_teacher = facts.main | {name: facts.teacher[name] for name in ("score", "interval", "adherence", "whole", "artifacts")}
    as_teacher |= {"fidelity": {"psnrDb": 100, "ssim": 1, "perceptual": 0}, "diversity": facts.teacher["diversity"]}
    as_teacher["artifacts"] |= {"nonFinite": 0}
    as_teacher["diversity"] |= {"seedLevels": 30}
    sound = dataclasses.replace(facts, variants=[as_teacher])
    assert report(sound) == {"diagnosis": None, "findings": [], "causes": []}
    assert "Nothing found" in report_text(report(sound) | {"version": "v", "variant": "a", "notJudged": ["b"], "sheet": "s"})


def blurred(facts: Facts, share: float = 0.5) -> Facts:
    artifacts = facts.main["artifacts"] | {"sharpness": share * facts.teacher["artifacts"]["sharpness"]}
    return dataclasses.replace(facts, variants=[facts.main | {"artifacts": artifacts}])


def test_blur_without_feature_losses_asks_for_them() -> None:
    facts = trained("half-channels")
    phases = [phase | {"weights": {"mse": 1.0}} for phase in facts.phases]
    told = diagnose(blurred(dataclasses.replace(facts, phases=phases)))
    blur = next(finding for finding in told if finding.artifact == "blur")
    remedies = {each["remedy"]: each["do"] for each in blur.remedies}
    assert "add feature or gram" in remedies["feature-weight"]
    assert blur.remedies[0]["remedy"] == "more-channels"


def test_what_storing_cost_is_told_of_the_variant_that_lost_it() -> None:
    facts = trained("unfinished")
    artifacts = facts.main["artifacts"] | {"grid": 0.4}
    small = facts.main | {"name": "onnxruntime-int4", "artifacts": artifacts}
    apart = {"onnxruntime-int4": {"mean": -0.1, "low": -0.2, "high": -0.04}}
    (found,) = [
        finding
        for finding in diagnose(dataclasses.replace(facts, variants=[facts.main, small], apart=apart))
        if finding.artifact == "lost in storage"
    ]
    assert (found.variant, found.remedies[0]["remedy"]) == ("onnxruntime-int4", "precision")
    assert "at least 0.040 less" in found.numbers
    assert "grid 0.400" in found.numbers


def test_a_student_that_learnt_out_needs_room_and_one_without_curves_is_not_guessed_at() -> None:
    facts = trained("unfinished")
    level = [{"step": 50 * i, "mse": 0.1} for i in range(1, 13)]
    phases = [phase | {"curve": level} for phase in facts.phases]
    (cause,) = causes(dataclasses.replace(facts, phases=phases))
    assert (cause.remedy, cause.do) == ("more-channels", "channels = [24, 48]")
    bare = [{key: value for key, value in phase.items() if key not in ("curve", "weights")} for phase in facts.phases]
    told = report(dataclasses.replace(facts, phases=bare, teacher_channels=None))
    assert told["diagnosis"] == "unknown"
    assert "distil again" in told["findings"][0]["remedies"][0]["do"]


def test_a_loss_that_falls_as_a_power_of_the_steps_is_foretold() -> None:
    curve = [{"step": 100 * i, "mse": 3 * (100 * i) ** -0.5} for i in range(1, 13)]
    assert fall_if_doubled(curve) == pytest.approx(1 - 2**-0.5)
    rising = [point | {"mse": point["step"] / 100} for point in curve]
    assert fall_if_doubled(rising) == 0


def test_the_main_phase_is_the_longest_that_was_kept() -> None:
    rows = [{"name": "a", "steps": 100}, {"name": "b", "steps": 900, "undone": True}, {"name": "c", "steps": 1200}]
    assert (main_phase(rows) or {})["name"] == "c"
    assert main_phase([]) is None


def test_the_variant_with_the_most_bits_speaks_for_the_weights() -> None:
    integers = {"quantization": {"activationBits": 8}}
    variants = [{"precision": "int8"} | integers, {"precision": "int8"}, {"precision": "fp16"}, {"precision": "fp32"}]
    assert most_bits_first(variants) == variants[::-1]


def test_f32_speaks_for_the_weights_before_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_precision, "processor_computes_in", lambda _: True)
    variants = [{"precision": "fp16", "inferencePrecision": "bf16"}, {"precision": "fp16"}, {"precision": "int8"}]
    assert most_bits_first(variants) == [variants[1], variants[0], variants[2]]


def test_the_command_prints_what_it_found_and_leaves_the_worst_pictures(tmp_path: Path) -> None:
    sheet = tmp_path / "worst.png"
    done = CliRunner().invoke(app, ["doctor", str(SHAPES), "--sheet", str(sheet), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["version"] == "shapes-tiny@1.1.0"
    assert len(told["worst"]) == 12
    assert Image.open(sheet).size[0] > 500
    text = CliRunner().invoke(app, ["doctor", str(SHAPES), "--sheet", str(sheet)]).stdout
    assert str(sheet) in text


def test_the_worst_stand_first() -> None:
    examination = examine(SHAPES)
    judged = examination.measured.judged
    order = worst_first(judged)
    missed = [judged[i].adherence - judged[i].teacher_adherence for i in order]
    assert missed == sorted(missed)

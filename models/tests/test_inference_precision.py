"""Which processors compute in 16 bits by themselves, and what a version says of variants that this one does not compute."""

from pathlib import Path

import pytest

from stillhouse_models import inference_precision, measure
from stillhouse_models.inference_precision import computed_here, processor_computes_in
from stillhouse_models.run_text import run_text

PI_5, PI_4 = "Features\t: fp asimd aes fphp asimdhp asimddp", "Features\t: fp asimd evtstrm crc32"
XEON, OLDER = "flags\t\t: fpu avx2 avx512f avx512_bf16 avx512_fp16", "flags\t\t: fpu avx2 fma"


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "able"),
    [
        ("aarch64", PI_5, ["f32", "f16"]),
        ("aarch64", PI_4, ["f32"]),
        ("x86_64", XEON, ["f32", "bf16"]),
        ("x86_64", OLDER, ["f32"]),
        ("riscv64", "", ["f32"]),
    ],
)
def test_a_processor_computes_in_what_it_has_instructions_for(
    machine: str, cpuinfo: str, able: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{cpuinfo}\n")
    monkeypatch.setattr(inference_precision, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(inference_precision.platform, "machine", lambda: machine)
    assert [each for each in ("f32", "f16", "bf16") if processor_computes_in(each)] == able
    variants = [{"name": "a"}, {"name": "b", "inferencePrecision": "f16"}, {"name": "c", "inferencePrecision": "bf16"}]
    assert [variant.get("inferencePrecision", "f32") for variant in computed_here(variants)] == able


def test_figures_of_f32_say_that_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "test/fixtures/shapes-tiny/1.1.0/onnxruntime-fp16"
    assert "inferencePrecision" not in measure.measure(folder, 1)
    monkeypatch.setattr(measure, "processor_computes_in", lambda precision: precision == "f32")
    assert measure.measure(folder, 1, "f16")["inferencePrecision"] == "f32"


def test_a_variant_that_could_not_be_scored_here_is_told_as_such() -> None:
    shape = {"steps": 3, "parameters": 1000}
    scored = {"name": "openvino-fp16", "scores": {"quality": 4.5, "interval": {"low": 4.2, "high": 4.8}}} | shape
    unscored = {"name": "openvino-fp16-f16", "scores": None} | shape
    text = run_text({"folder": "out", "model": "m", "version": "1.0.0", "phases": [], "variants": [scored, unscored]})
    assert "openvino-fp16: quality 4.50 [4.20, 4.80] of the teacher's 5, 3 steps" in text
    assert "openvino-fp16-f16: not scored, since this processor does not compute in it, 3 steps" in text

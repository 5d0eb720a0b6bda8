"""Folders as Hugging Face's own exporters write them, and what a picture of theirs has to look like.

Runs in `models/.venv-optimum`, for the toolkit's own packages are too new for the exporters (`npm run parity -- --optimum`):

    cd models && .venv-optimum/bin/python -m stillhouse_models.diffusers_export.optimum_parity --out DIR --seed 1 --runtime onnx
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
from diffusers.utils import logging
from optimum.commands.optimum_cli import main as optimum_cli

from stillhouse_models.diffusers_export.odd_texts import FIXED
from stillhouse_models.diffusers_export.parity import batches, from_pictures, requests_of
from stillhouse_models.diffusers_export.reference import Wanted, paint, paint_one
from stillhouse_models.diffusers_export.tiny import KINDS, SCHEDULE, make_tiny

CANNOT = ("sd-turbo", "sd3-without-t5", "z-image")
"""What both of these exporters end with an error on: TAESD, a pipeline without its third encoder, Z-Image."""
ROUNDED = ("sd", "sdxl")
"""Kinds that optimum-intel exports in fp16 and int8 too, one of each by seed. optimum-onnx stores halves on a GPU only."""
# As these files stand on the hub, with what they leave out and what means nothing to their class.
_OLD = {**SCHEDULE, "num_train_timesteps": 1000, "trained_betas": None, "clip_sample": False, "set_alpha_to_one": False}
_HUB: dict[str, dict[str, Any]] = {
    "pndm": {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **_OLD, "skip_prk_steps": True},
    "ddim": {"_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", **_OLD, "skip_prk_steps": True},
    "euler": {
        "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.19.0.dev0", **_OLD, "interpolation_type": "linear",
        "prediction_type": "epsilon", "sample_max_value": 1.0, "skip_prk_steps": True, "timestep_spacing": "leading",
        "use_karras_sigmas": False,
    },
    "turbo": {
        "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.24.0.dev0", **_OLD, "interpolation_type": "linear",
        "prediction_type": "epsilon", "sigma_max": None, "sigma_min": None, "timestep_spacing": "trailing",
        "timestep_type": "discrete", "rescale_betas_zero_snr": False, "skip_prk_steps": True, "use_karras_sigmas": False,
    },
    "dpm++ karras": {
        "_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.20.0", **_OLD, "algorithm_type": "dpmsolver++",
        "dynamic_thresholding_ratio": 0.995, "euler_at_final": False, "lambda_min_clipped": -float("inf"),
        "lower_order_final": True, "prediction_type": "epsilon", "sample_max_value": 1.0, "solver_order": 2,
        "solver_type": "midpoint", "thresholding": False, "timestep_spacing": "linspace", "use_karras_sigmas": True,
        "use_lu_lambdas": False, "variance_type": None,
    },
    "unipc": {
        "_class_name": "UniPCMultistepScheduler", "_diffusers_version": "0.21.4", **_OLD, "disable_corrector": [],
        "dynamic_thresholding_ratio": 0.995, "lower_order_final": True, "predict_x0": True, "prediction_type": "epsilon",
        "sample_max_value": 1.0, "solver_order": 2, "solver_p": None, "solver_type": "bh2", "thresholding": False,
        "timestep_spacing": "linspace", "use_karras_sigmas": False,
    },
}  # fmt: skip
SCHEDULERS: dict[str, tuple[str, ...]] = {
    "sd": ("pndm", "ddim", "dpm++ karras", "unipc"),
    "sd2": ("turbo", "euler"),
    "sd-inpaint": ("pndm", "ddim"),
    "sdxl": ("euler", "dpm++ karras", "unipc"),
}
"""By kind, beside the one that the tiny pipeline has of itself."""


@dataclass(frozen=True)
class Export:
    """What is to be made: `sdxl` with int8 weights, say."""

    kind: str
    weights: str = "fp32"

    @property
    def name(self) -> str:
        return self.kind if self.weights == "fp32" else f"{self.kind} {self.weights}"


def exports_of(runtime: str, seed: int) -> list[Export]:
    found = [Export(kind) for kind in KINDS]
    if runtime == "openvino":
        found += [Export(ROUNDED[(seed + i) % len(ROUNDED)], weights) for i, weights in enumerate(("fp16", "int8"))]
    return found


def make_optimum_parity(out: Path, seed: int, runtime: str, kinds: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Writes `out/<name>/`, a folder as optimum wrote it with `wanted.json` in it, and `out/cannot.json`."""
    cannot = {}
    exports = exports_of(runtime, seed)
    for i, one in enumerate(exports):
        if one.kind not in kinds:
            continue
        say(f"{one.name} ({i + 1}/{len(exports)})")
        source = make_tiny(one.kind, out / "diffusers" / one.name, seed + i)
        failure = _export(source, out / one.name, runtime, one.weights)
        if failure is not None:
            cannot[one.name] = {"why": failure, "known": one.name in CANNOT}
            shutil.rmtree(out / one.name, ignore_errors=True)
            continue
        wanted = _wanted(one.kind, random.Random(seed + i))
        _keep(out / one.name, paint(source, wanted) if one.weights == "fp32" else _painted_by_openvino(out / one.name, wanted))
        if one.weights == "fp32":
            _with_schedulers(one.kind, source, out, wanted)
    shutil.rmtree(out / "diffusers")
    (out / "cannot.json").write_text(json.dumps(cannot, indent=1))


def _export(source: Path, out: Path, runtime: str, weights: str) -> str | None:
    """By optimum's command line, in this process since it loads for 15 seconds. @returns why it failed"""
    # Of a folder without an address on the hub it does not guess the task.
    told = ["--model", str(source), "--library", "diffusers", "--task", "text-to-image", str(out)]
    told += [] if weights == "fp32" and runtime == "onnx" else ["--weight-format", weights]
    heard = io.StringIO()
    sys.argv = ["optimum-cli", "export", runtime, *told]
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            optimum_cli()
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None


def _wanted(kind: str, chance: random.Random) -> list[Wanted]:
    """Texts, batches, pictures to begin from and to fill; the last text has a prompt that tokenizers stumble over."""
    texts = requests_of(kind, chance, 3)
    # transformers' slow tokenizers, which stand in such folders, and its fast ones agree on these alone.
    plain = [text for text in FIXED if text.isascii() and "<" not in text]
    texts.append(replace(texts[-1], prompt=chance.choice(plain), seed=chance.randrange(2**32)))
    # Given several generators, the reference draws what stays under a mask from the first one for all pictures.
    together = [] if kind.endswith("-inpaint") else batches(texts[:2])
    begun, filled = from_pictures(kind, chance, 3)
    return [*texts, *together, *begun, *filled]


def _with_schedulers(kind: str, source: Path, out: Path, wanted: list[Wanted]) -> None:
    """The folder once more for each, its own scheduler saved as the exporter saves it; a text, a picture and a mask."""
    some = {(one.image is not None, one.mask is not None): one for one in wanted if not one.batch}
    for name in SCHEDULERS.get(kind, ()):
        config = {**_HUB[name]}
        # The network's weights are of that kind, so the scheduler has to be.
        if kind == "sd2":
            config["prediction_type"] = "v_prediction"
        folder = shutil.copytree(out / kind, out / f"{kind} {name}")
        (source / "scheduler/scheduler_config.json").write_text(json.dumps(config))
        for index in (source / "model_index.json", folder / "model_index.json"):
            index.write_text(json.dumps({**json.loads(index.read_text()), "scheduler": ["diffusers", config["_class_name"]]}))
        scheduler = getattr(diffusers, config["_class_name"]).from_pretrained(source / "scheduler")
        scheduler.save_pretrained(folder / "scheduler")
        _keep(folder, paint(source, [replace(one, scheduler=None, steps=max(one.steps, 4)) for one in some.values()]))


def _painted_by_openvino(folder: Path, wanted: list[Wanted]) -> list[dict[str, Any]]:
    """By optimum-intel itself from the same graphs: what rounding weights costs is not what is looked for.

    Whatever the request says, by DDIM: others have steps at fractions of a time, which optimum-intel rounds.
    """
    from optimum.intel import OVPipelineForImage2Image, OVPipelineForInpainting, OVPipelineForText2Image

    opened: dict[Any, Any] = {}
    painted = []
    for one in wanted:
        kind = OVPipelineForInpainting if one.mask else OVPipelineForImage2Image if one.image else OVPipelineForText2Image
        painter, own = opened.get(kind) or opened.setdefault(kind, _opened(kind, folder))
        painted.append(paint_one(painter, own, replace(one, scheduler="DDIMScheduler")))
    return painted


def _opened(kind: Any, folder: Path) -> tuple[Any, Any]:
    """With the scheduler of the folder, which a request may replace."""
    exact = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
    painter = kind.from_pretrained(folder, ov_config=exact)
    return painter, painter.scheduler


def _keep(folder: Path, painted: list[dict[str, Any]]) -> None:
    (folder / "wanted.json").write_text(json.dumps({"pictures": painted}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--runtime", choices=("onnx", "openvino"), required=True)
    parser.add_argument("--kinds", default="")
    given = parser.parse_args()
    # What the exporters and old settings are warned of is no result.
    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    kinds = given.kinds.split(",") if given.kinds else tuple(KINDS)
    make_optimum_parity(given.out, given.seed, given.runtime, kinds, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()

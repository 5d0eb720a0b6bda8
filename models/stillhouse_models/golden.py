"""Golden vectors for the TypeScript tests: what torch, diffusers and the reference pipeline give, as small JSON files."""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from stillhouse_models.adherence import OnnxEvaluator
from stillhouse_models.manifest import read_manifest
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.quality.vectors import quality_vectors

NOISE_SEEDS = (0, 1, 42, 2**31, 2**32 - 1)
NOISE_COUNTS = (1, 2, 5, 15, 16, 17, 24, 31, 33, 624, 1000, 3 * 32 * 32, 3 * 64 * 64)
SHOWN = 32
PROMPTS = (
    "a red circle",
    "a large blue star on the left on teal background",
    "a green square above a yellow triangle on white background",
    "A Small RED circle, at the bottom; on (pink) background!",
    "a purple dinosaur on teal background",
    "",
    "   ",
    "\ta red\n circle  ",
    "a \uff52\uff45\uff44 circle",
    "a réd circle",
    "a red circle 🔴 on black background",
    "ΑΒΓ красный 赤い 红色 ﬁsh",
    "circle123 123 4",
    "\u00e9 e\u0301 \u200b zero\u200bwidth",
)


def write_golden(version: Path, out: Path) -> None:
    """`version` is a small released version (shapes-tiny); noise comes from torch, sigmas from diffusers."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(version)
    variant = manifest["variants"][0]
    _write(out / "noise.json", noise_vectors())
    _write(out / "flow-match-euler.json", scheduler_vectors())
    _write(out / "tokenizer.json", tokenizer_vectors(version / variant["folder"] / "tokenizer"))
    _write(out / "pipeline.json", pipeline_vectors(version, variant, out))
    _write(out / "evaluator.json", evaluator_vectors(version, out))
    _write(out / "quality.json", quality_vectors(out))


def noise_vectors() -> dict[str, object]:
    """Every first value, and a digest of torch's own bytes: equal on the machine that has torch's rounding, see `tolerance`."""
    import torch

    cases = []
    for seed in NOISE_SEEDS:
        for count in NOISE_COUNTS:
            values = torch.randn(count, generator=torch.Generator().manual_seed(seed)).numpy()
            cases.append({
                "seed": seed, "count": count, "first": _floats(values[:SHOWN]), "last": _floats(values[-SHOWN:]),
                "sum": float(values.astype(np.float64).sum()), "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
            })  # fmt: skip
    return {"source": f"torch {torch.__version__.split('+')[0]}, CPU generator, randn float32", "tolerance": 1e-6, "cases": cases}


def scheduler_vectors() -> dict[str, object]:
    import diffusers
    import torch

    cases = []
    for shift in (1.0, 3.0):
        for steps in (1, 2, 3, 4, 8, 20):
            scheduler = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)
            scheduler.set_timesteps(steps)
            sample = torch.randn(1, 16, generator=torch.Generator().manual_seed(steps))
            path = [_floats(sample[0].numpy())]
            for index, timestep in enumerate(scheduler.timesteps):
                velocity = torch.randn(1, 16, generator=torch.Generator().manual_seed(100 + index))
                sample = scheduler.step(velocity, timestep, sample).prev_sample
                path.append(_floats(sample[0].numpy()))
            cases.append({
                "config": {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": shift},
                "steps": steps, "sigmas": _floats(scheduler.sigmas.numpy()),
                "timesteps": _floats(scheduler.timesteps.numpy()), "samples": path,
                "velocitySeeds": [100 + i for i in range(steps)],
            })  # fmt: skip
    return {"source": f"diffusers {diffusers.__version__}", "cases": cases}


def tokenizer_vectors(folder: Path) -> dict[str, object]:
    """The tokenizer's own files too, so that the test needs no version."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cases = [{"prompt": prompt, "ids": tokenizer.encode(prompt).ids} for prompt in PROMPTS]
    return {
        "tokenizer": json.loads((folder / "tokenizer.json").read_text()),
        "config": json.loads((folder / "tokenizer_config.json").read_text()),
        "cases": cases,
    }


def pipeline_vectors(version: Path, variant: dict, out: Path) -> dict[str, object]:
    pipeline = Pipeline.load(version / variant["folder"])
    cases: list[dict[str, object]] = []
    for prompt, seed, steps in ((PROMPTS[1], 42, 4), (PROMPTS[2], 7, 4), (PROMPTS[0], 0, 1), (PROMPTS[4], 2**32 - 1, 8)):
        sampled, picture = pipeline.sample(prompt, seed, steps), pipeline(prompt, seed, steps)
        name = f"pipeline-{len(cases)}.png"
        Image.fromarray(picture).save(out / name, optimize=True)
        cases.append({
            "prompt": prompt, "seed": seed, "steps": steps, "pixelsSha256": hashlib.sha256(picture.tobytes()).hexdigest(),
            "picture": name, "first": _floats(sampled.ravel()[:SHOWN]),
        })  # fmt: skip
    return {"version": f"{version.parent.name}/{version.name}", "variant": variant["name"], "cases": cases}


def evaluator_vectors(version: Path, out: Path) -> dict[str, object]:
    evaluator = OnnxEvaluator.load(version / "evaluator")
    cases: list[dict[str, object]] = []
    for file in sorted(out.glob("pipeline-*.png")):
        picture = np.asarray(Image.open(file).convert("RGB"))
        scores = {head: _floats(values) for head, values in evaluator.scores(picture).items()}
        cases.append({"picture": file.name, "labels": evaluator.labels(picture), "scores": scores})
    return {"version": f"{version.parent.name}/{version.name}", "cases": cases}


def _floats(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]


def _write(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")

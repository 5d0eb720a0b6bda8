"""A version whose weights were damaged after its export, for the demo and the tests of the quality gate.

Everything in its folder is consistent: digests, golden pictures (the damaged weights' own), manifest. What it promises
is what the sound version promised, so only measuring its pictures on a device finds the damage.
"""

import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from stillhouse_models.export import write_golden_pictures
from stillhouse_models.manifest import artifact, files, read_manifest, write_manifest

NOISE_SEED = 5


def damage(sound: Path, version_number: str, strength: float, out: Path, variant: str | None = None) -> Path:
    """`strength`: the noise on each stored weight of the denoiser, as a share of that tensor's standard deviation.

    Only `variant` (the first by default) is kept: the damaged version need not be large.
    """
    damaged = out / version_number
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(sound, damaged)
    manifest = read_manifest(sound)
    kept = next(v for v in manifest["variants"] if variant in (None, v["name"]))
    for other in manifest["variants"]:
        if other["name"] != kept["name"]:
            shutil.rmtree(damaged / other["folder"])
            shutil.rmtree(damaged / "golden" / other["name"])
    _add_noise(damaged / kept["folder"] / "unet/model.onnx", strength)
    prompts = [picture["prompt"] for picture in kept["golden"]["pictures"]]
    kept["golden"]["pictures"] = write_golden_pictures(damaged, kept["name"], prompts, kept["steps"])
    manifest |= {"version": version_number, "variants": [kept]}
    manifest["description"] = f"{manifest['description']} (weights damaged on purpose)"
    manifest["artifacts"] = [artifact(damaged, path) for path in files(damaged)]
    write_manifest(damaged, manifest)
    return damaged


def _add_noise(file: Path, strength: float) -> None:
    graph, rng = onnx.load(str(file)), np.random.default_rng(NOISE_SEED)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float16:
            continue
        noise = rng.standard_normal(values.shape) * strength * values.astype(np.float32).std()
        tensor.CopyFrom(numpy_helper.from_array((values + noise).astype(np.float16), tensor.name))
    file.write_bytes(graph.SerializeToString(deterministic=True))

"""The version that an adapter is for, and the trained weights that it was exported from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stillhouse_models.faults import RefusedError, ToolkitError
from stillhouse_models.manifest import MANIFEST, TRAINING, read_manifest
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.variants.kinds import KINDS
from stillhouse_models.variants.parity import torch_pipeline
from stillhouse_models.weights import Painter, load_painter

STUDENT = "student/student"
# Of a golden picture by the trained weights; other weights differ by tens.
MOST_LEVELS = 8.0


@dataclass(frozen=True)
class BaseVersion:
    """`digest` is that of the manifest, by which devices know it."""

    folder: Path
    student: Path
    manifest: dict[str, Any]
    digest: str
    painter: Painter

    @property
    def source(self) -> str:
        return str(self.manifest["lineage"]["data"]["name"])

    def named(self) -> dict[str, str]:
        """As another version's manifest names it."""
        return {"model": self.manifest["model"], "version": self.manifest["version"], "digest": self.digest}


def load_base(folder: Path, student: Path | None) -> BaseVersion:
    """`student` is the folder of the trained weights; `folder`'s own training if left out. ToolkitError says what is missing."""
    if not (folder / MANIFEST).is_file():
        raise ToolkitError(f"{folder} has no {MANIFEST}: an adapter names its base version; give the folder of one")
    kept = student or folder / TRAINING / STUDENT
    if not (kept / "unet/config.json").is_file():
        raise ToolkitError(
            f"{kept} has no unet/config.json: an adapter is trained on the weights that the version was exported from; "
            "name their folder by --student (DIR/training/student/student of the run that made it)"
        )
    manifest = read_manifest(folder)
    if manifest.get("lineage", {}).get("data", {}).get("name") not in SOURCES or "evaluation" not in manifest:
        raise ToolkitError(f"{folder}: its lineage names none of {sorted(SOURCES)}: only students of this toolkit are adapted")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    base = BaseVersion(folder, kept, manifest, digest, load_painter(kept))
    _require_its_weights(base)
    return base


def _require_its_weights(base: BaseVersion) -> None:
    """The version's golden picture, by the trained weights: other weights paint another. RefusedError."""
    variant = _finest(base.manifest["variants"])
    golden = variant["golden"]["pictures"][0]
    with Image.open(base.folder / golden["picture"]) as picture:
        wanted = np.asarray(picture.convert("RGB"), dtype=np.float64)
    painted = torch_pipeline(base.painter, 1.0)(golden["prompt"], golden["seed"], golden["steps"])
    apart = float(np.abs(painted - wanted).mean()) if painted.shape == wanted.shape else float("inf")
    if apart > MOST_LEVELS:
        raise RefusedError(
            f"{base.student} are not the weights of {base.manifest['model']}@{base.manifest['version']}: they paint its golden "
            f"picture {apart:.1f} levels away on average, at most {MOST_LEVELS:g} are allowed"
        )


def _finest(variants: list[dict[str, Any]]) -> dict[str, Any]:
    allowed = {kind.name: kind.allowed_levels for kind in KINDS.values()}
    return min(variants, key=lambda variant: allowed.get(variant["name"], 255.0))

"""The manifest of a version: written as canonical JSON, checked against shared/manifest.schema.json and the files."""

import hashlib
import json
from pathlib import Path

import jsonschema

from stillhouse_models.canonical_json import canonical_json

SCHEMA = Path(__file__).resolve().parents[2] / "shared/manifest.schema.json"
MANIFEST = "manifest.json"
# Beside a version that was just made: what it was made by. No part of it.
TRAINING = "training"
CHUNK_BYTES = 1024 * 1024


def artifact(version: Path, path: str) -> dict[str, object]:
    """A file as the manifest names it; one of a single piece needs no chunk digests."""
    content = (version / path).read_bytes()
    entry: dict[str, object] = {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "sizeBytes": len(content)}
    if len(content) > CHUNK_BYTES:
        pieces = [content[begin : begin + CHUNK_BYTES] for begin in range(0, len(content), CHUNK_BYTES)]
        entry["chunks"] = {"chunkSizeBytes": CHUNK_BYTES, "sha256": [hashlib.sha256(piece).hexdigest() for piece in pieces]}
    return entry


def files(version: Path, under: str = "") -> list[str]:
    """POSIX paths of everything below, sorted, but for the manifest itself and what the version was made by."""
    found = (file.relative_to(version).as_posix() for file in (version / under).rglob("*") if file.is_file())
    return sorted(path for path in found if path != MANIFEST and not path.startswith(f"{TRAINING}/"))


def write_manifest(version: Path, manifest: dict[str, object]) -> str:
    """Returns the version's digest. Nothing is written when the manifest has faults."""
    if faults := manifest_faults(version, manifest):
        raise ValueError(f"{version}: " + "; ".join(faults))
    text = canonical_json(manifest)
    (version / MANIFEST).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(version: Path) -> dict:
    return dict(json.loads((version / MANIFEST).read_text()))


def manifest_faults(version: Path, manifest: dict) -> list[str]:
    """One sentence a fault: schema, digests, sizes, and files that the manifest does not name."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]
    if faults:
        return faults
    named = {entry["path"]: entry for entry in manifest["artifacts"]}
    present = set(files(version))
    faults += [f"{path} is not in the folder" for path in sorted(named.keys() - present)]
    faults += [f"{path} is not among the artifacts" for path in sorted(present - named.keys())]
    faults += [f"{path} has other bytes than its digest says" for path in sorted(named.keys() & present)
               if artifact(version, path) != named[path]]  # fmt: skip
    for variant in manifest["variants"]:
        faults += [f"variant {variant['name']}: {path} is no artifact" for path in variant["artifacts"] if path not in named]
    return faults

"""The versions that are committed: every byte as their manifests say, and as good as they claim."""

from pathlib import Path

import numpy as np
import pytest

from stillhouse_models.adherence import OnnxEvaluator
from stillhouse_models.canonical_json import canonical_json
from stillhouse_models.manifest import manifest_faults, read_manifest
from stillhouse_models.quality.measure_variant import score_variant
from stillhouse_models.sources.batches import SOURCES, batch, labels
from stillhouse_models.sources.caption import PLAIN

REPOSITORY = Path(__file__).parents[2]
FIXTURES = REPOSITORY / "test/fixtures"
SOUND = sorted([*(REPOSITORY / "models/released").glob("*/*/"), *(FIXTURES / "shapes-tiny").glob("*/")])
DAMAGED = FIXTURES / "stickers-lite-damaged/1.2.0"


def name_of(version: Path) -> str:
    return f"{version.parent.name}@{version.name}"


@pytest.mark.parametrize("version", [*SOUND, DAMAGED], ids=name_of)
def test_every_byte_is_as_the_manifest_says(version: Path) -> None:
    manifest = read_manifest(version)
    assert manifest_faults(version, manifest) == []
    assert (version / "manifest.json").read_text() == canonical_json(manifest)


@pytest.mark.parametrize("version", SOUND, ids=name_of)
def test_a_version_is_as_good_as_it_says(version: Path) -> None:
    for variant in read_manifest(version)["variants"]:
        measured, promised = score_variant(version, variant["name"], variant["steps"]), variant["scores"]
        # Another processor rounds differently, and a picture on the border may fall to the other side.
        assert measured["quality"] == pytest.approx(promised["quality"], abs=0.1)


@pytest.mark.parametrize("version", SOUND, ids=name_of)
def test_the_evaluator_reads_held_out_renders(version: Path) -> None:
    evaluator = OnnxEvaluator.load(version / "evaluator")
    sprites = SOURCES["shapes" if "shapes" in version.parent.name else "stickers"]()
    drawn = batch(sprites, np.random.default_rng(99), 300, 0.5, PLAIN, held_out=True)
    right = [
        evaluator.labels(picture) == labels(sprites, scene) for picture, scene in zip(drawn.pictures, drawn.scenes, strict=True)
    ]
    assert np.mean(right) >= 0.99


def test_damage_is_seen_by_measuring_only() -> None:
    manifest = read_manifest(DAMAGED)
    variant = manifest["variants"][0]
    assert score_variant(DAMAGED, variant["name"], variant["steps"])["quality"] < variant["scores"]["quality"] - 1

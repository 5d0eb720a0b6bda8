"""From a trained student to a version's folder: variants, evaluator, evaluation set, golden pictures, manifest."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from stillhouse_models.evaluation_set import evaluation_captions, write_evaluation_set
from stillhouse_models.export_variant import MODEL_INDEX, Graphs, export_variant, graphs_of, write_json
from stillhouse_models.manifest import artifact, files, write_manifest
from stillhouse_models.measure import measure
from stillhouse_models.onnx_graphs import evaluator_graph
from stillhouse_models.onnx_weights import compress_weights
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.quality.measure_variant import score_variant
from stillhouse_models.sources.batches import SOURCES, heads
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.judge import load_evaluator
from stillhouse_models.weights import load_painter

LICENCE = Path(__file__).resolve().parents[1] / "LICENSE"
GOLDEN_SEEDS = (1, 42, 7)
# Runtimes differ in the last bits of a sum; a damaged weight differs by tens of levels.
GOLDEN_TOLERANCE = 2.0


@dataclass(frozen=True)
class ExportRequest:
    model: str
    version: str
    source: str
    student: Path
    teacher: Path
    evaluator: Path
    out: Path
    description: str
    steps: int = 8
    shift: float = 1.0
    precisions: tuple[str, ...] = ("fp16", "int8")
    prompts: int = 48
    teacher_steps: int = 12
    teacher_guidance: float = 2.0


def export_version(request: ExportRequest) -> Path:
    """The folder `out/model/version`, made afresh; a finished one has a manifest."""
    sprites = SOURCES[request.source]()
    version = request.out / request.model / request.version
    shutil.rmtree(version, ignore_errors=True)
    version.mkdir(parents=True)
    (version / "LICENSE").write_text(f"{LICENCE.read_text()}\n{sprites.notice}\n")
    _write_evaluator(version, sprites, request.evaluator)
    teacher = load_painter(request.teacher, "teacher-unet")
    teacher_scores = write_evaluation_set(
        version, sprites, teacher, request.prompts, request.teacher_steps, request.teacher_guidance
    )
    student = load_painter(request.student, "lite-unet")
    graphs = graphs_of(student)
    for precision in request.precisions:
        export_variant(student, graphs, precision, request.shift, version / f"onnxruntime-{precision}")
    variants = [_describe(version, sprites, graphs, precision, request.steps) for precision in request.precisions]
    manifest = {
        "schemaVersion": 1,
        "model": request.model,
        "version": request.version,
        "licence": "Apache-2.0",
        "description": request.description,
        "pipeline": MODEL_INDEX,
        "artifacts": [artifact(version, path) for path in files(version)],
        "variants": variants,
        "evaluation": _describe_evaluation(version, teacher_scores),
        "lineage": json.loads((request.student / "lineage.json").read_text()),
    }
    write_manifest(version, manifest)
    return version


def _write_evaluator(version: Path, sprites: SpriteSet, weights: Path) -> None:
    network = load_evaluator(sprites, weights)
    graph = compress_weights(evaluator_graph(network, sprites.resolution), "fp16")
    config = {
        "input": {"name": "pictures", "width": sprites.resolution, "height": sprites.resolution, "scale": 2, "offset": -1},
        "heads": [{"name": name, "output": name, "labels": labels} for name, labels in heads(sprites).items()],
    }
    write_json(version / "evaluator/evaluator.json", config)
    (version / "evaluator/model.onnx").write_bytes(graph.SerializeToString(deterministic=True))


def _describe(version: Path, sprites: SpriteSet, graphs: Graphs, precision: str, steps: int) -> dict[str, object]:
    """A variant's entry, with its golden pictures written, and its scores and speed measured."""
    name = f"onnxruntime-{precision}"
    side = sprites.resolution
    return {
        "name": name,
        "runtime": "onnxruntime",
        "precision": precision,
        "folder": name,
        "artifacts": files(version, name),
        "resolution": {"width": side, "height": side},
        "steps": steps,
        "guidanceScale": 1,
        "parameters": graphs.parameters(),
        "measured": measure(version / name, steps),
        "scores": score_variant(version, name, steps),
        "golden": {
            "maxMeanAbsoluteDifference": GOLDEN_TOLERANCE,
            "pictures": write_golden_pictures(version, name, golden_prompts(sprites), steps),
        },
    }


def golden_prompts(sprites: SpriteSet) -> list[str]:
    return [caption.text for caption in evaluation_captions(sprites, len(GOLDEN_SEEDS))]


def write_golden_pictures(version: Path, variant: str, prompts: list[str], steps: int) -> list[dict[str, object]]:
    pipeline = Pipeline.load(version / variant)
    entries: list[dict[str, object]] = []
    for prompt, seed in zip(prompts, GOLDEN_SEEDS, strict=True):
        path = f"golden/{variant}/{len(entries)}.png"
        (version / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pipeline(prompt, seed, steps)).save(version / path, optimize=True)
        entries.append({"prompt": prompt, "seed": seed, "steps": steps, "guidanceScale": 1, "picture": path})
    return entries


def _describe_evaluation(version: Path, teacher: dict[str, Any]) -> dict[str, object]:
    paths = {"set": "evaluation/evaluation.json", "graph": "evaluator/model.onnx", "config": "evaluator/evaluator.json"}
    return {
        "set": paths["set"],
        "evaluator": {"graph": paths["graph"], "config": paths["config"]},
        "artifacts": sorted(paths.values()),
        "prompts": int(teacher["prompts"]),
        "teacher": teacher,
    }

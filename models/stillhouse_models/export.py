"""From a trained student to a version's folder: variants, evaluator, evaluation set, golden pictures, manifest."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from stillhouse_models.evaluation_set import evaluation_captions, write_evaluation_set
from stillhouse_models.export_variant import Graphs, VariantSettings, export_variant, graphs_of, model_index, write_json
from stillhouse_models.inference_precision import F32, INSTRUCTION_SETS, processor_computes_in
from stillhouse_models.manifest import artifact, files, write_manifest
from stillhouse_models.measure import measure
from stillhouse_models.onnx_graphs import evaluator_graph
from stillhouse_models.onnx_weights import compress_weights
from stillhouse_models.pipeline import Pipeline
from stillhouse_models.progress import progress
from stillhouse_models.quality.evaluation_folder import EvaluationFolder, grid_period
from stillhouse_models.quality.measure_variant import score_variant, teacher_measures
from stillhouse_models.sources.batches import SOURCES, heads
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.judge import load_evaluator
from stillhouse_models.variants.calibration import Calibration, record_calibration
from stillhouse_models.variants.kinds import Kind, read_kinds
from stillhouse_models.variants.parity import check_parity, reference_pictures, torch_pipeline
from stillhouse_models.variants.targets import tuning_for
from stillhouse_models.weights import Painter, load_painter

LICENCE = Path(__file__).resolve().parents[1] / "LICENSE"
GOLDEN_SEEDS = (1, 42, 7)


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
    external_data: bool = False
    target: str | None = None
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
    write_evaluator(version, sprites, request.evaluator)
    teacher = load_painter(request.teacher, "teacher-unet")
    teacher_scores = write_evaluation_set(
        version, sprites, teacher, request.prompts, request.teacher_steps, request.teacher_guidance
    )
    student = load_painter(request.student)
    variants = export_variants(version, sprites, student, request)
    manifest = {
        "schemaVersion": 1,
        "model": request.model,
        "version": request.version,
        "licence": "Apache-2.0",
        "description": request.description,
        "pipeline": model_index(student),
        "artifacts": [artifact(version, path) for path in files(version)],
        "variants": variants,
        "evaluation": _describe_evaluation(version, teacher_scores, str(variants[0]["folder"])),
        "lineage": _lineage(request.student, teacher),
    }
    write_manifest(version, manifest)
    return version


def _lineage(student: Path, teacher: Painter) -> dict[str, Any]:
    """As the training kept it, with the widths that a student's are held against."""
    lineage: dict[str, Any] = json.loads((student / "lineage.json").read_text())
    lineage["teacher"]["channels"] = list(teacher.unet.config["channels"])
    return lineage


def write_evaluator(version: Path, sprites: SpriteSet, weights: Path) -> None:
    """evaluator/: the graph in fp16, and how a picture is put to it."""
    network = load_evaluator(sprites, weights)
    graph = compress_weights(evaluator_graph(network, sprites.resolution), "fp16")
    config = {
        "input": {"name": "pictures", "width": sprites.resolution, "height": sprites.resolution, "scale": 2, "offset": -1},
        "heads": [{"name": name, "output": name, "labels": labels} for name, labels in heads(sprites).items()],
    }
    write_json(version / "evaluator/evaluator.json", config)
    (version / "evaluator/model.onnx").write_bytes(graph.SerializeToString(deterministic=True))


# As export_variant, which it is unless the folder of a variant is written in another way.
WriteVariant = Callable[[Painter, Graphs, Kind, Calibration | None, VariantSettings, Path], None]


def export_variants(
    version: Path, sprites: SpriteSet, student: Painter, request: ExportRequest, write: WriteVariant = export_variant
) -> list[dict[str, object]]:
    """Each is written, held against PyTorch, and only then measured and scored."""
    kinds, graphs = read_kinds(",".join(request.precisions)), graphs_of(student, tuning_for(request.target))
    prompts = [caption.text for caption in evaluation_captions(sprites, request.prompts)]
    trained = torch_pipeline(student, request.shift)
    reference = reference_pictures(trained, prompts, request.steps)
    needed = any(kind.computes_in_integers for kind in kinds)
    calibration = record_calibration(trained, prompts, request.steps) if needed else None
    settings = VariantSettings(request.shift, request.external_data)
    variants = []
    with progress("variants", len(kinds)) as advance:
        for kind in kinds:
            write(student, graphs, kind, calibration, settings, version / kind.name)
            # What this machine does not compute in it can neither hold against PyTorch nor score: devices measure it.
            able = processor_computes_in(kind.inference_precision)
            parity = {"parity": check_parity(kind, version / kind.name, reference)} if able else {}
            described = _describe(version, sprites, graphs, kind, request.steps) | parity
            if kind.inference_precision != F32:
                described["inferencePrecision"] = kind.inference_precision
                described["instructionSets"] = INSTRUCTION_SETS[kind.inference_precision]
            if request.target is not None and kind.runtime == "onnxruntime":
                described["target"] = request.target
            if kind.quantization is not None:
                described["quantization"] = _quantization(kind, calibration)
            variants.append(described)
            advance()
    return variants


def _quantization(kind: Kind, calibration: Calibration | None) -> dict[str, object]:
    calibrated = kind.computes_in_integers and kind.token != "int8-dynamic" and calibration is not None
    return (kind.quantization or {}) | ({"calibrationPictures": calibration.pictures} if calibrated and calibration else {})


def _describe(version: Path, sprites: SpriteSet, graphs: Graphs, kind: Kind, steps: int) -> dict[str, object]:
    """A variant's entry, with its golden pictures written, and its scores and speed measured. The pictures are computed in f32
    whatever the variant computes in, so that a device proves how near it comes."""
    side, able = sprites.resolution, processor_computes_in(kind.inference_precision)
    return {
        "name": kind.name,
        "runtime": kind.runtime,
        "precision": kind.precision,
        "folder": kind.name,
        "artifacts": files(version, kind.name),
        "resolution": {"width": side, "height": side},
        "steps": steps,
        "guidanceScale": 1,
        "parameters": graphs.parameters(),
        "measured": measure(version / kind.name, steps, kind.inference_precision),
        "golden": {
            "maxMeanAbsoluteDifference": kind.golden_levels,
            "pictures": write_golden_pictures(version, kind.name, golden_prompts(sprites), steps),
        },
    } | ({"scores": score_variant(version, kind.name, steps, kind.inference_precision)} if able else {})


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


def _describe_evaluation(version: Path, teacher: dict[str, Any], variant: str) -> dict[str, object]:
    period = grid_period(version / variant)
    paths = {"set": "evaluation/evaluation.json", "graph": "evaluator/model.onnx", "config": "evaluator/evaluator.json"}
    return {
        "set": paths["set"],
        "evaluator": {"graph": paths["graph"], "config": paths["config"]},
        "artifacts": sorted(paths.values()),
        "prompts": int(teacher["prompts"]),
        "gridPeriodPixels": period,
        "teacher": teacher | teacher_measures(EvaluationFolder.load(version), period),
    }

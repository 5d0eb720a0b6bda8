"""One variant's folder in the layout that optimum-cli writes: model_index.json, scheduler, tokenizer, a graph each."""

import json
from dataclasses import dataclass
from pathlib import Path

import onnx

from stillhouse_models.onnx_graphs import text_encoder_graph, unet_graph
from stillhouse_models.onnx_weights import compress_weights, parameters
from stillhouse_models.tokenizer import save_tokenizer
from stillhouse_models.variants.calibration import Calibration, Feeds
from stillhouse_models.variants.kinds import Kind
from stillhouse_models.variants.onnx_int8 import quantize_dynamic, quantize_static
from stillhouse_models.variants.openvino_export import export_openvino
from stillhouse_models.variants.targets import UNTUNED, Tuning
from stillhouse_models.variants.tune_graph import tune_graph
from stillhouse_models.weights import Painter

EXTERNAL_DATA, EXTERNAL_BYTES = "model.onnx_data", 1024


@dataclass(frozen=True)
class Graphs:
    text_encoder: onnx.ModelProto
    unet: onnx.ModelProto
    tuning: Tuning = UNTUNED

    def parameters(self) -> int:
        return parameters(self.text_encoder) + parameters(self.unet)


def graphs_of(painter: Painter, tuning: Tuning = UNTUNED) -> Graphs:
    """Traced in the operator set that the target wants; OpenVINO and the quantisers take them as they are."""
    return Graphs(text_encoder_graph(painter.encoder, tuning.opset), unet_graph(painter.unet, tuning.opset), tuning)


def model_index(painter: Painter) -> dict[str, object]:
    """diffusers' model_index.json: which class each part of the pipeline has."""
    return {
        "_class_name": "StillhousePipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["stillhouse_models", "TextEncoder"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "unet": ["stillhouse_models", type(painter.unet).__name__],
    }


@dataclass(frozen=True)
class VariantSettings:
    """`external_data`: weights in a file of their own beside the graph, which runtimes map instead of copying."""

    shift: float
    external_data: bool = False


def export_variant(
    painter: Painter, graphs: Graphs, kind: Kind, calibration: Calibration | None, settings: VariantSettings, folder: Path
) -> None:
    """Writes the folder of one variant. `calibration` serves the kinds that compute in integers."""
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": settings.shift}
    write_json(folder / "model_index.json", model_index(painter))
    write_json(folder / "scheduler/scheduler_config.json", scheduler)
    save_tokenizer(painter.tokenizer, folder / "tokenizer")
    for name, graph, network in (
        ("text_encoder", graphs.text_encoder, painter.encoder),
        ("unet", graphs.unet, painter.unet),
    ):
        config = {key: value for key, value in network.config.items() if not key.startswith("_")}
        write_json(folder / name / "config.json", {"_class_name": type(network).__name__} | config)
        feeds: list[Feeds] = getattr(calibration, name) if calibration else []
        if kind.runtime == "openvino":
            export_openvino(graph, kind.token, feeds, folder / name)
        else:
            write_graph(_small(graph, kind, feeds, graphs.tuning), folder / name, settings.external_data)


def _small(graph: onnx.ModelProto, kind: Kind, feeds: list[Feeds], tuning: Tuning) -> onnx.ModelProto:
    if kind.token == "int8-dynamic":
        return quantize_dynamic(graph)
    if kind.token == "int8-static":
        return quantize_static(graph, feeds)
    return compress_weights(tune_graph(graph, tuning), kind.precision)


def write_graph(graph: onnx.ModelProto, folder: Path, external_data: bool) -> None:
    """model.onnx; with `external_data` its large weights in model.onnx_data beside it, as optimum names the file."""
    folder.mkdir(parents=True, exist_ok=True)
    if not external_data:
        (folder / "model.onnx").write_bytes(graph.SerializeToString(deterministic=True))
        return
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    onnx.save_model(copy, str(folder / "model.onnx"), save_as_external_data=True, all_tensors_to_one_file=True,
                    location=EXTERNAL_DATA, size_threshold=EXTERNAL_BYTES)  # fmt: skip
    # The library makes it for its owner alone; a version is read by whoever publishes it.
    (folder / EXTERNAL_DATA).chmod((folder / "model.onnx").stat().st_mode)


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, default=list) + "\n")

"""One variant's folder in the layout that optimum-cli writes: model_index.json, scheduler, tokenizer, a graph each."""

import json
from dataclasses import dataclass
from pathlib import Path

import onnx

from stillhouse_models.onnx_graphs import text_encoder_graph, unet_graph
from stillhouse_models.onnx_weights import compress_weights, parameters
from stillhouse_models.tokenizer import save_tokenizer
from stillhouse_models.weights import Painter

MODEL_INDEX = {
    "_class_name": "StillhousePipeline",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["stillhouse_models", "TextEncoder"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "unet": ["stillhouse_models", "LiteUNet"],
}


@dataclass(frozen=True)
class Graphs:
    text_encoder: onnx.ModelProto
    unet: onnx.ModelProto

    def parameters(self) -> int:
        return parameters(self.text_encoder) + parameters(self.unet)


def graphs_of(painter: Painter) -> Graphs:
    return Graphs(text_encoder_graph(painter.encoder), unet_graph(painter.unet))


def export_variant(painter: Painter, graphs: Graphs, precision: str, shift: float, folder: Path) -> None:
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": shift}
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "scheduler/scheduler_config.json", scheduler)
    save_tokenizer(painter.tokenizer, folder / "tokenizer")
    for name, graph, network in (
        ("text_encoder", graphs.text_encoder, painter.encoder),
        ("unet", graphs.unet, painter.unet),
    ):
        config = {key: value for key, value in network.config.items() if not key.startswith("_")}
        write_json(folder / name / "config.json", {"_class_name": type(network).__name__} | config)
        (folder / name / "model.onnx").write_bytes(compress_weights(graph, precision).SerializeToString(deterministic=True))


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, default=list) + "\n")

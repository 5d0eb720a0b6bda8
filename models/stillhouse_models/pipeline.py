"""The reference pipeline: a prompt and a seed to a picture with ONNX Runtime or OpenVINO and numpy, no torch.

Devices run the same steps in TypeScript (agent/pipeline); golden pictures come from here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from stillhouse_models.inference_precision import F32
from stillhouse_models.noise import randn
from stillhouse_models.openvino_graph import GRAPH as OPENVINO_GRAPH
from stillhouse_models.openvino_graph import OpenVinoGraph
from stillhouse_models.scheduler import FlowMatchEuler, euler_step


class Graph(Protocol):
    """What a pipeline needs of a runtime."""

    def run(self, outputs: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]: ...


def open_graph(component: Path, threads: int = 1, inference_precision: str = F32) -> Graph:
    """The graph in a component's folder, whichever runtime it was made for; ONNX Runtime computes in f32."""
    openvino = component / OPENVINO_GRAPH
    if openvino.exists():
        return OpenVinoGraph(openvino, threads, inference_precision)
    graph: Graph = session(component / "model.onnx", threads)
    return graph


def session(graph: Path, threads: int = 1) -> ort.InferenceSession:
    return session_of(str(graph), threads)


def session_of(graph: str | bytes, threads: int = 1) -> ort.InferenceSession:
    """A session of a graph's file or bytes, on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Pipeline:
    tokenizer: Tokenizer
    text_encoder: Graph
    unet: Graph
    scheduler: FlowMatchEuler
    side: int
    channels: int

    @classmethod
    def load(cls, folder: Path, threads: int = 1, inference_precision: str = F32) -> "Pipeline":
        """`folder` is one variant's: model_index.json stands in it."""
        index = json.loads((folder / "model_index.json").read_text())
        if index["_class_name"] != "StillhousePipeline":
            raise ValueError(f"{folder}: pipeline {index['_class_name']!r} is not StillhousePipeline")
        config = json.loads((folder / "unet/config.json").read_text())
        return cls(
            tokenizer=Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json")),
            text_encoder=open_graph(folder / "text_encoder", threads, inference_precision),
            unet=open_graph(folder / "unet", threads, inference_precision),
            scheduler=FlowMatchEuler.from_config(json.loads((folder / "scheduler/scheduler_config.json").read_text())),
            side=config["sample_size"],
            channels=config["in_channels"],
        )

    def sample(self, prompt: str, seed: int, steps: int) -> np.ndarray:
        """float32 [1, channels, side, side], about -1..1."""
        ids = np.array([self.tokenizer.encode(prompt).ids], dtype=np.int64)
        (context,) = self.text_encoder.run(None, {"input_ids": ids})
        shape = (1, self.channels, self.side, self.side)
        picture = randn(seed, int(np.prod(shape))).reshape(shape)
        sigmas = self.scheduler.sigmas(steps)
        for sigma, following, timestep in zip(sigmas[:-1], sigmas[1:], self.scheduler.timesteps(steps), strict=True):
            inputs = {"sample": picture, "timestep": timestep.reshape(1), "encoder_hidden_states": context}
            (velocity,) = self.unet.run(None, inputs)
            picture = euler_step(picture, velocity, sigma, following)
        return picture

    def __call__(self, prompt: str, seed: int, steps: int) -> np.ndarray:
        """uint8 RGB [side, side, 3]."""
        return to_pixels(self.sample(prompt, seed, steps))


def to_pixels(picture: np.ndarray) -> np.ndarray:
    """float32 [1, 3, side, side] -> uint8 [side, side, 3]; halves round to even, and what is no number becomes 0."""
    levels = np.nan_to_num((picture[0].transpose(1, 2, 0).astype(np.float64) + 1) * 127.5)
    return np.round(np.clip(levels, 0, 255)).astype(np.uint8)

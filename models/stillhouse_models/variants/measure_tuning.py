"""Which ways of writing a graph down are faster on this machine: interleaved, in CPU time, against the plain graph."""

import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

from stillhouse_models.onnx_graphs import unet_graph
from stillhouse_models.pipeline import session_of
from stillhouse_models.variants.targets import UNTUNED, Tuning
from stillhouse_models.variants.tune_graph import tune_graph
from stillhouse_models.weights import load_painter

CANDIDATES = {
    "opset 17": UNTUNED,
    "opset 20": Tuning(opset=20),
    "fused": Tuning(fused=True),
    "opset 20, fused": Tuning(opset=20, fused=True),
    "NHWC": Tuning(pointwise_matrices=True),
    "NHWC, fused": Tuning(pointwise_matrices=True, fused=True),
}
LOADS = 3


def measure_tuning(student: Path, rounds: int) -> list[dict[str, object]]:
    """A row a candidate: `ratio` is the median of its time by the plain graph's of the same round, of a denoiser's step.

    CPU time of one thread: what else the machine does falls out of it. The order is drawn anew in each round.
    """
    unet = load_painter(student).unet
    sessions: dict[str, ort.InferenceSession] = {}
    loads: dict[str, list[float]] = {}
    for name, tuning in CANDIDATES.items():
        graph = tune_graph(unet_graph(unet, tuning.opset), tuning).SerializeToString()
        loads[name] = []
        for _ in range(LOADS):
            begun = time.process_time()
            sessions[name] = session_of(graph)
            loads[name].append(time.process_time() - begun)
    times = _interleaved(sessions, _feeds(unet.config), rounds)
    plain = times["opset 17"]
    return [
        {"tuning": name, "stepMs": round(float(np.median(each)) * 1000, 2), "ratio": round(float(np.median(each / plain)), 3),
         "ratioP10": round(float(np.quantile(each / plain, 0.1)), 3), "ratioP90": round(float(np.quantile(each / plain, 0.9)), 3),
         "loadMs": round(min(loads[name]) * 1000, 1)}
        for name, each in times.items()
    ]  # fmt: skip


def _interleaved(sessions: dict, feeds: dict[str, np.ndarray], rounds: int) -> dict[str, np.ndarray]:
    times: dict[str, list[float]] = {name: [] for name in sessions}
    rng, order = np.random.default_rng(0), list(sessions)
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            begun = time.process_time()
            sessions[name].run(None, feeds)
            times[name].append(time.process_time() - begun)
    return {name: np.array(each) for name, each in times.items()}


def _feeds(config: dict) -> dict[str, np.ndarray]:
    rng, side = np.random.default_rng(0), config["sample_size"]
    return {
        "sample": rng.standard_normal((1, config["in_channels"], side, side)).astype(np.float32),
        "timestep": np.array([500], np.float32),
        "encoder_hidden_states": rng.standard_normal((1, 24, config["context_channels"])).astype(np.float32),
    }

"""What a denoiser is fed on its way from noise to picture: the inputs that ranges of activations are measured on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stillhouse_models.pipeline import Graph, Pipeline

# Evaluation prompts with seeds that no evaluation uses: the ranges are measured on what will be asked, not on the answers.
FIRST_SEED = 1_000_000
PICTURES = 16
Feeds = dict[str, np.ndarray]


@dataclass(frozen=True)
class Calibration:
    """Batches of one, in the graphs' own names."""

    text_encoder: list[Feeds]
    unet: list[Feeds]
    pictures: int


class _Recorder:
    def __init__(self, graph: Graph):
        self.graph, self.seen = graph, list[Feeds]()

    def run(self, outputs: list[str] | None, inputs: Feeds) -> list[np.ndarray]:
        self.seen.append({name: value.copy() for name, value in inputs.items()})
        return self.graph.run(outputs, inputs)


def record_calibration(pipeline: Pipeline, prompts: list[str], steps: int, pictures: int = PICTURES) -> Calibration:
    """Makes the pictures and keeps what the graphs were given at every step."""
    encoder, unet = _Recorder(pipeline.text_encoder), _Recorder(pipeline.unet)
    recording = Pipeline(pipeline.tokenizer, encoder, unet, pipeline.scheduler, pipeline.side, pipeline.channels)
    for number, prompt in zip(range(pictures), _forever(prompts), strict=False):
        recording.sample(prompt, FIRST_SEED + number, steps)
    return Calibration(encoder.seen, unet.seen, pictures)


def _forever(prompts: list[str]) -> Iterator[str]:
    while True:
        yield from prompts

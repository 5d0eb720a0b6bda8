"""How differently two pictures look to the version's own evaluator: a distance between its feature maps.

After LPIPS (Zhang, Isola, Efros, Shechtman, Wang 2018): each map is made a unit vector along its channels, squared differences
are summed over channels, and means are taken over positions and layers. The layers weigh the same: there are no human
judgements here to learn weights from.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

SMALLEST_NORM = 1e-10


@dataclass(frozen=True)
class PerceptualDistance:
    network: ort.InferenceSession
    input_name: str
    layers: list[str]
    scale: float
    offset: float

    @classmethod
    def load(cls, graph: Path, config: dict) -> "PerceptualDistance":
        """`graph`: the evaluator as versions carry it; its rectified convolutions become its outputs."""
        model = onnx.load(str(graph))
        convolved = {output for node in model.graph.node if node.op_type == "Conv" for output in node.output}
        layers = [node.output[0] for node in model.graph.node if node.op_type == "Relu" and node.input[0] in convolved]
        if not layers:
            raise ValueError(f"{graph}: no rectified convolution in it, so it has no feature maps to compare by")
        del model.graph.output[:]
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in layers)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        wanted = config["input"]
        return cls(session, wanted["name"], layers, wanted["scale"], wanted["offset"])

    def __call__(self, picture: np.ndarray, wanted: np.ndarray) -> float:
        """uint8 [h, w, 3] both -> 0 (alike) up to 2."""
        ours, theirs = (self._unit_features(each) for each in (picture, wanted))
        distances = [np.square(a - b).sum(axis=0).mean() for a, b in zip(ours, theirs, strict=True)]
        return float(np.mean(distances))

    def _unit_features(self, picture: np.ndarray) -> list[np.ndarray]:
        scaled = picture.astype(np.float32) / np.float32(255) * np.float32(self.scale) + np.float32(self.offset)
        maps = self.network.run(self.layers, {self.input_name: scaled.transpose(2, 0, 1)[None]})
        return [each[0] / np.maximum(np.linalg.norm(each[0], axis=0), SMALLEST_NORM) for each in maps]

"""A graph in OpenVINO's own form (openvino_model.xml and .bin), run on the CPU."""

from pathlib import Path

import numpy as np

from stillhouse_models.inference_precision import F32

GRAPH = "openvino_model.xml"


class OpenVinoGraph:
    """Called as an onnxruntime session is, so that a pipeline need not know which one it has."""

    def __init__(self, file: Path, threads: int = 1, inference_precision: str = F32):
        import openvino

        core = openvino.Core()
        model = core.read_model(str(file))
        if model.is_dynamic():
            model.reshape({port.any_name: _one_picture(port.partial_shape) for port in model.inputs})
        # Left to itself it would compute in bf16 or f16 where the processor can, round what 8-bit weights are multiplied
        # with, and pictures would differ between machines.
        settings = {
            **{"INFERENCE_PRECISION_HINT": inference_precision, "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0},
            **{"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1},
        }
        self._compiled = core.compile_model(model, "CPU", settings)
        self._request = self._compiled.create_infer_request()
        self.outputs = [port.any_name for port in self._compiled.outputs]

    def run(self, outputs: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        results = self._request.infer(inputs, share_inputs=False)
        return [np.array(results[self._compiled.output(name)]) for name in outputs or self.outputs]


def _one_picture(shape) -> list[int]:  # type: ignore[no-untyped-def]
    """A batch of one lets the compiler choose its kernels before the first run; a free width or height stays free."""
    sides = [-1 if side.is_dynamic else side.get_length() for side in shape]
    return [1, *sides[1:]] if sides[0] == -1 else sides

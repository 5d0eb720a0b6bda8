"""ONNX graphs that compute in 8-bit integers, by onnxruntime's quantiser.

Weights keep one bit in reserve: without it, AVX2's 16-bit sums overflow on older processors and pictures differ between
machines (onnxruntime's documentation of `reduce_range`). Weights that stay float32 are stored in 8 bits.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization import quantize_dynamic as ort_dynamic
from onnxruntime.quantization import quantize_static as ort_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from stillhouse_models.onnx_weights import compress_weights
from stillhouse_models.variants.calibration import Feeds

# The first and last layers see and make pixels, the conditioning sees times of 0 to 1000: errors there show at once.
KEPT_FLOAT = ("/stem/", "/head/", "/conditioning/")


def quantize_dynamic(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Matrices only: onnxruntime has no fast kernel for a convolution whose input range is not known beforehand."""
    with tempfile.TemporaryDirectory() as folder:
        prepared, out = _prepared(graph, Path(folder)), Path(folder) / "int8.onnx"
        ort_dynamic(prepared, out, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
                    weight_type=QuantType.QInt8, nodes_to_exclude=_kept_float(graph))  # fmt: skip
        return compress_weights(onnx.load(str(out)), "int8")


def quantize_static(graph: onnx.ModelProto, feeds: list[Feeds]) -> onnx.ModelProto:
    """Convolutions and matrices, with the ranges of activations measured over `feeds`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared, out = _prepared(graph, Path(folder)), Path(folder) / "int8.onnx"
        ort_static(prepared, out, _Reader(feeds), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv", "MatMul"],
                   per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                   nodes_to_exclude=_kept_float(graph), calibrate_method=CalibrationMethod.MinMax)  # fmt: skip
        return compress_weights(onnx.load(str(out)), "int8")


def _prepared(graph: onnx.ModelProto, folder: Path) -> Path:
    """With shapes inferred and nodes folded, as the quantiser wants it; the names of layers stay."""
    raw, prepared = folder / "float.onnx", folder / "prepared.onnx"
    onnx.save(graph, str(raw))
    quant_pre_process(raw, prepared, skip_symbolic_shape=True)
    return prepared


def _kept_float(graph: onnx.ModelProto) -> list[str]:
    return [node.name for node in graph.graph.node if any(part in node.name for part in KEPT_FLOAT)]


class _Reader(CalibrationDataReader):
    def __init__(self, feeds: list[Feeds]):
        self._feeds: Iterator[dict[str, np.ndarray]] = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)

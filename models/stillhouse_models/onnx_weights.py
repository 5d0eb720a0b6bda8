"""Smaller weights inside an ONNX graph whose arithmetic and whose inputs and outputs stay float32.

A stored weight is followed by the nodes that bring it back to float32. Runtimes fold them when they load the graph, so
what runs is float32 everywhere: no device needs fp16 or int8 kernels, and every one computes the same.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors (biases, norms) stay float32: they weigh nothing, and errors in them show.
SMALLEST_COMPRESSED = 512
Compressed = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]


def _as_fp16(name: str, values: np.ndarray) -> Compressed:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16")
    return [stored], [helper.make_node("Cast", [stored.name], [name], f"{name}.restore", to=TensorProto.FLOAT)]


def _as_int8(name: str, values: np.ndarray) -> Compressed:
    """One scale per output channel, symmetric. Which axis that is: the first of a convolution, the last of a matrix."""
    kept = 0 if values.ndim != 2 else 1
    others = tuple(axis for axis in range(values.ndim) if axis != kept)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / np.float32(127)
    whole = numpy_helper.from_array(np.clip(np.round(values / scale), -127, 127).astype(np.int8), f"{name}.int8")
    scales = numpy_helper.from_array(scale, f"{name}.scale")
    cast = helper.make_node("Cast", [whole.name], [f"{name}.whole"], f"{name}.cast", to=TensorProto.FLOAT)
    return [whole, scales], [cast, helper.make_node("Mul", [f"{name}.whole", scales.name], [name], f"{name}.restore")]


COMPRESSIONS: dict[str, Callable[[str, np.ndarray], Compressed]] = {"fp16": _as_fp16, "int8": _as_int8}


def compress_weights(graph: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """A copy of the graph with its large weights stored in `precision` ("fp32" leaves them)."""
    out = onnx.ModelProto()
    out.CopyFrom(graph)
    if precision == "fp32":
        return out
    kept, restoring = [], []
    for tensor in out.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_COMPRESSED or values.ndim < 2:
            kept.append(tensor)
            continue
        stored, nodes = COMPRESSIONS[precision](tensor.name, values)
        kept += stored
        restoring += nodes
    nodes = [*restoring, *out.graph.node]
    del out.graph.initializer[:], out.graph.node[:]
    out.graph.initializer.extend(kept)
    out.graph.node.extend(nodes)
    onnx.checker.check_model(out)
    return out


def parameters(graph: onnx.ModelProto) -> int:
    """Weights of the uncompressed graph."""
    return sum(int(np.prod(tensor.dims)) for tensor in graph.graph.initializer if tensor.data_type == TensorProto.FLOAT)

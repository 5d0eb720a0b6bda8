"""Smaller weights inside an ONNX graph whose arithmetic and whose inputs and outputs stay float32.

A stored weight is followed by the nodes that bring it back to float32. Runtimes fold them when they load the graph, so
what runs is float32 everywhere: no device needs fp16 or int8 kernels, and every one computes the same.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors (biases, norms) stay float32: they weigh nothing, and errors in them show.
SMALLEST_COMPRESSED = 512
BLOCK = 32
SMALLEST_SCALE = 1e-6
SMALLEST_INT4 = 4096
Compressed = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]
Rows = tuple[list[onnx.TensorProto], list[tuple[str, list[str], dict[str, object]]]]
"""A table, and the operators by which some of its rows become float32: kind, inputs beside the rows, attributes."""


INT4_CONSTANTS = [
    numpy_helper.from_array(np.float32(16), "int4.sixteen"),
    numpy_helper.from_array(np.float32(8), "int4.eight"),
    numpy_helper.from_array(np.array([-1, BLOCK], dtype=np.int64), "int4.blocks"),
    numpy_helper.from_array(np.array([-1], dtype=np.int64), "int4.flat"),
    numpy_helper.from_array(np.array([0], dtype=np.int64), "int4.begin"),
]


def _as_fp16(name: str, values: np.ndarray) -> Compressed:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16")
    return [stored], [helper.make_node("Cast", [stored.name], [name], f"{name}.restore", to=TensorProto.FLOAT)]


def _rows_as_fp16(name: str, values: np.ndarray) -> Rows:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16")
    return [stored], [("Cast", [], {"to": TensorProto.FLOAT})]


def _rows_as_int8(name: str, values: np.ndarray) -> Rows:
    (whole, scales), _ = _as_int8(name, values)
    return [whole, scales], [("Cast", [], {"to": TensorProto.FLOAT}), ("Mul", [scales.name], {})]


def _as_int8(name: str, values: np.ndarray) -> Compressed:
    """One scale per output channel, symmetric. Which axis that is: the first of a convolution, the last of a matrix."""
    kept = 0 if values.ndim != 2 else 1
    others = tuple(axis for axis in range(values.ndim) if axis != kept)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / np.float32(127)
    whole = numpy_helper.from_array(np.clip(np.round(values / scale), -127, 127).astype(np.int8), f"{name}.int8")
    scales = numpy_helper.from_array(scale, f"{name}.scale")
    cast = helper.make_node("Cast", [whole.name], [f"{name}.whole"], f"{name}.cast", to=TensorProto.FLOAT)
    return [whole, scales], [cast, helper.make_node("Mul", [f"{name}.whole", scales.name], [name], f"{name}.restore")]


def _as_int4(name: str, values: np.ndarray) -> Compressed:
    """Two weights a byte, a float16 scale for each block of 32 along the inputs of one output channel, levels -8..7.

    Taken apart again by float arithmetic: shifts and 4-bit tensors would need newer operator sets than devices have. The
    nodes weigh some hundred bytes, so that small tensors are better off in 8 bits.
    """
    if values.size < SMALLEST_INT4:
        return _as_int8(name, values)
    rows = values.T if values.ndim == 2 else values
    blocks = np.pad(rows.ravel(), (0, -rows.size % BLOCK)).reshape(-1, BLOCK).astype(np.float32)
    scale = _int4_scale(blocks)
    levels = (np.clip(np.round(blocks / scale.astype(np.float32)), -8, 7) + 8).astype(np.uint8).reshape(-1, 2)
    size, shape = f"int4.size.{rows.size}", "int4.shape." + ".".join(map(str, rows.shape))
    stored = [
        numpy_helper.from_array(levels[:, :1] | levels[:, 1:] << 4, f"{name}.int4"),
        numpy_helper.from_array(scale, f"{name}.scale"),
        numpy_helper.from_array(np.array([rows.size], dtype=np.int64), size),
        numpy_helper.from_array(np.array(rows.shape, dtype=np.int64), shape),
        *INT4_CONSTANTS,
    ]
    steps: list[tuple[str, list[str], dict[str, object]]] = [
        ("Cast", [f"{name}.int4"], {"to": TensorProto.FLOAT}),
        ("Div", [f"{name}.1", "int4.sixteen"], {}),
        ("Floor", [f"{name}.2"], {}),
        ("Mul", [f"{name}.3", "int4.sixteen"], {}),
        ("Sub", [f"{name}.1", f"{name}.4"], {}),
        ("Concat", [f"{name}.5", f"{name}.3"], {"axis": 1}),  # the low half of a byte, then the high one
        ("Reshape", [f"{name}.6", "int4.blocks"], {}),
        ("Sub", [f"{name}.7", "int4.eight"], {}),
        ("Cast", [f"{name}.scale"], {"to": TensorProto.FLOAT}),
        ("Mul", [f"{name}.8", f"{name}.9"], {}),
        ("Reshape", [f"{name}.10", "int4.flat"], {}),
        ("Slice", [f"{name}.11", "int4.begin", size], {}),
        ("Reshape", [f"{name}.12", shape], {}),
    ]
    if values.ndim == 2:
        steps.append(("Transpose", [f"{name}.13"], {"perm": [1, 0]}))
    outputs = [f"{name}.{number + 1}" for number in range(len(steps) - 1)] + [name]
    return stored, [
        helper.make_node(kind, inputs, [output], **attributes)
        for (kind, inputs, attributes), output in zip(steps, outputs, strict=True)
    ]


def _int4_scale(blocks: np.ndarray) -> np.ndarray:
    """float16 [blocks, 1]: the largest value stands at -8 or a little inside, whichever leaves the smallest squared error."""
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1, keepdims=True), axis=1)
    best, least = np.ones_like(largest, dtype=np.float16), np.full_like(largest, np.inf)
    for level in (-8.0, -7.5, -7.0, -6.5, -6.0):
        scale = largest / np.float32(level)
        scale = np.where(np.abs(scale) < SMALLEST_SCALE, np.float32(SMALLEST_SCALE), scale).astype(np.float16)
        wide = scale.astype(np.float32)
        error = np.square(np.clip(np.round(blocks / wide), -8, 7) * wide - blocks).sum(axis=1, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best


COMPRESSIONS: dict[str, Callable[[str, np.ndarray], Compressed]] = {"fp16": _as_fp16, "int8": _as_int8, "int4": _as_int4}

ROWS: dict[str, Callable[[str, np.ndarray], Rows]] = {"fp16": _rows_as_fp16, "int8": _rows_as_int8}


def compress_weights(graph: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """A copy of the graph with its large weights stored in `precision` ("fp32" leaves them).

    Of a table, such as the vocabulary's, the rows that a run looks up are brought back to float32, never the whole: a
    runtime that maps its weights need not hold it. In int4 it is brought back as any other weight.
    """
    out = onnx.ModelProto()
    out.CopyFrom(graph)
    if precision == "fp32":
        return out
    kept, restoring = [], []
    tables = _looked_up(out.graph) if precision in ROWS else {}
    behind: dict[str, list[onnx.NodeProto]] = {}
    for tensor in out.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_COMPRESSED or values.ndim < 2:
            kept.append(tensor)
            continue
        if values.ndim == 2 and tensor.name in tables:
            stored, steps = ROWS[precision](tensor.name, values)
            kept += stored
            behind |= {gather.output[0]: _restored_rows(gather, stored[0].name, steps) for gather in tables[tensor.name]}
            continue
        stored, nodes = COMPRESSIONS[precision](tensor.name, values)
        kept += stored
        restoring += nodes
    nodes = [*restoring, *(each for node in out.graph.node for each in behind.get(node.output[0], [node]))]
    del out.graph.initializer[:], out.graph.node[:]
    # What several weights share is named alike, and kept once.
    out.graph.initializer.extend({tensor.name: tensor for tensor in kept}.values())
    out.graph.node.extend(nodes)
    check_graph(out)
    return out


def _looked_up(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """Weights that are only ever looked up by their first axis, and the nodes that do so."""
    found: dict[str, list[onnx.NodeProto]] = {}
    others = {value.name for value in graph.output}
    for node in graph.node:
        rows = node.op_type == "Gather" and all(each.i == 0 for each in node.attribute if each.name == "axis")
        if rows:
            found.setdefault(node.input[0], []).append(node)
        others.update(node.input[1:] if rows else node.input)
        # A graph within (If, Loop) reads what stands around it by name.
        others.update(name for each in node.attribute if each.HasField("g") for inner in each.g.node for name in inner.input)
    return {name: nodes for name, nodes in found.items() if name not in others}


def _restored_rows(
    gather: onnx.NodeProto, table: str, steps: Sequence[tuple[str, list[str], dict[str, object]]]
) -> list[onnx.NodeProto]:
    """The node that looks up, from the stored table, and what brings its rows back under the name they had."""
    wanted = gather.output[0]
    names = [f"{wanted}.{number}" for number in range(len(steps))] + [wanted]
    looked = helper.make_node("Gather", [table, gather.input[1]], [names[0]], gather.name, axis=0)
    return [looked] + [
        helper.make_node(kind, [given, *more], [made], **attributes)
        for (kind, more, attributes), given, made in zip(steps, names, names[1:], strict=False)
    ]


def check_graph(graph: onnx.ModelProto) -> None:
    """The checker knows the standard's operators only; onnxruntime's own (com.microsoft) are its runtime's to check."""
    if all(each.domain in ("", "ai.onnx") for each in graph.opset_import):
        onnx.checker.check_model(graph)


def parameters(graph: onnx.ModelProto) -> int:
    """Weights of the uncompressed graph."""
    return sum(int(np.prod(tensor.dims)) for tensor in graph.graph.initializer if tensor.data_type == TensorProto.FLOAT)

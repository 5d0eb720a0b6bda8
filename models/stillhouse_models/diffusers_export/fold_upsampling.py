"""A picture twice as large and the 3x3 convolution after it become four 2x2 convolutions of the small picture.

Each pixel stands four times in the larger picture, so a kernel that moves over it multiplies the same pixel by several of
its weights, whose sum does as well: 16 products instead of 36 for each pixel and pair of channels. Of the four pixels that
come of one, each has a kernel of its own (the phases of a sub-pixel convolution, Shi et al. 2016, arXiv:1609.05158).
"""

from collections import Counter
from typing import Any, Literal

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from stillhouse_models.onnx_parts import uses

Interleave = Literal["concat", "depth to space"]
"""How four pictures become one. ONNX Runtime's `DepthToSpace` uses one thread and takes four times as long as its `Concat`;
OpenVINO has a kernel for it that keeps channels last, and none for `Concat`."""

_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Row and column of a pixel among the four, as they stand in the larger picture."""


def fold_upsampling(graph: onnx.GraphProto, interleave: Interleave) -> int:
    """In place. Every `Resize` to twice the size by nearest pixels whose only reader is a 3x3 convolution that keeps its size.

    What nothing reads goes. @returns how many there were
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    results = {value.name for value in graph.output}
    reads = Counter(name for node in graph.node for name in uses(node))
    constants = _constants(graph)
    enlarged = {
        node.output[0]: node.input[0]
        for node in graph.node
        if _doubles(node, constants) and reads[node.output[0]] == 1 and node.output[0] not in results
    }
    nodes: list[NodeProto] = []
    count = 0
    for node in graph.node:
        if node.input and node.input[0] in enlarged and _keeps_size(node, weights):
            count += 1
            nodes.extend(_phases(graph, node, enlarged[node.input[0]], weights[node.input[1]], interleave))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(_read(nodes, results))
    used = {name for node in graph.node for name in uses(node)}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return count


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Small ones: without folding the tracer leaves a list of scales as two that are joined."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if len(tensor.dims) == 1}
    for node in graph.node:
        if node.op_type == "Constant":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Concat" and all(name in known for name in node.input):
            known[node.output[0]] = np.concatenate([known[name] for name in node.input], helper.get_node_attr_value(node, "axis"))
    return known


def _read(nodes: list[NodeProto], results: set[str]) -> list[NodeProto]:
    """Those that a result follows from, in their order."""
    needed, kept = set(results), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(uses(node))
            kept.append(node)
    return kept[::-1]


def _doubles(node: NodeProto, constants: dict[str, np.ndarray]) -> bool:
    if node.op_type != "Resize" or len(node.input) != 3 or node.input[2] not in constants:
        return False
    said = _said(node)
    nearest = (said.get("mode"), said.get("coordinate_transformation_mode"), said.get("nearest_mode"))
    return nearest == (b"nearest", b"asymmetric", b"floor") and constants[node.input[2]].tolist() == [1, 1, 2, 2]


def _keeps_size(node: NodeProto, weights: dict[str, TensorProto]) -> bool:
    if node.op_type != "Conv" or node.input[1] not in weights:
        return False
    said = _said(node)
    plain = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1], "dilations": [1, 1], "group": 1}
    return {name: said.get(name) for name in plain} == plain


def _said(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _phases(graph: onnx.GraphProto, conv: NodeProto, small: str, weight: TensorProto, interleave: Interleave) -> list[NodeProto]:
    """small: [N, C, H, W] -> what the convolution gave: [N, O, 2H, 2W]."""
    name, out = conv.input[1], conv.output[0]
    # Sums of weights are rounded once, as each weight was.
    kernel = numpy_helper.to_array(weight).astype(np.float64)
    nodes = []
    for row, column in _PHASES:
        folded = _fold(_fold(kernel, row, 2), column, 3).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(folded, f"{name}.{row}{column}"))
        nodes.append(
            helper.make_node(
                "Conv", [small, f"{name}.{row}{column}", *conv.input[2:]], [f"{out}.{row}{column}"],
                f"{conv.name}.{row}{column}", kernel_shape=[2, 2], pads=[1 - row, 1 - column, row, column],
            )
        )  # fmt: skip
    pictures = [node.output[0] for node in nodes]
    if interleave == "concat":
        return nodes + _by_concat(graph, pictures, kernel.shape[0], out)
    joined = helper.make_node("Concat", pictures, [f"{out}.phases"], f"{conv.name}.phases", axis=1)
    return [*nodes, joined, helper.make_node("DepthToSpace", joined.output, [out], conv.name, blocksize=2, mode="DCR")]


def _fold(kernel: np.ndarray, phase: int, axis: int) -> np.ndarray:
    """Of three weights in a row two fall on one pixel: the last two for the first phase, the first two for the second."""
    first, second, third = np.moveaxis(kernel, axis, 0)
    pair = [first, second + third] if phase == 0 else [first + second, third]
    return np.moveaxis(np.stack(pair), 0, axis)


def _by_concat(graph: onnx.GraphProto, pictures: list[str], channels: int, out: str) -> list[NodeProto]:
    """[N, O, H, W] four times: columns side by side first, then whole rows."""

    def constant(name: str, values: list[int]) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), f"{out}.{name}"))
        return f"{out}.{name}"

    def node(kind: str, inputs: list[str], name: str, **said: int) -> str:
        nodes.append(helper.make_node(kind, inputs, [name], name, **said))
        return name

    nodes: list[NodeProto] = []
    last, flat, stem = constant("last", [-1]), constant("flat", [0, 0, 0, -1]), constant("stem", [0, channels, -1])
    rows = []
    for row in range(2):
        apart = [node("Unsqueeze", [picture, last], f"{picture}.apart") for picture in pictures[2 * row : 2 * row + 2]]
        pairs = node("Concat", apart, f"{out}.pairs{row}", axis=4)
        rows.append(node("Reshape", [pairs, flat], f"{out}.row{row}"))
    width = node("Shape", [rows[0]], f"{out}.width", start=3, end=4)
    shape = node("Concat", [stem, width], f"{out}.shape", axis=0)
    node("Reshape", [node("Concat", rows, f"{out}.rows", axis=3), shape], out)
    return nodes

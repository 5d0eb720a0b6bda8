"""A graph cut into parts that run one after the other, so that a device can hold one of them at a time.

Cut where the fewest tensors cross, which in networks of blocks is between two blocks. What crosses keeps its name: a part
takes it as an input, wherever before it was made.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

PARTS_FILE = "parts.json"
FULLEST = 0.5
"""A part is cut at its best place after this share of what it may weigh."""
SMALL_ELEMENTS = 1024
"""Larger weights say nothing about shapes, so that these are inferred without them."""


def split_graph(graph: onnx.ModelProto, most_bytes: int) -> list[onnx.ModelProto]:
    """Models of at most `most_bytes` of weights each, as far as single nodes allow; one if it fits whole.

    The order of the nodes, and with it every number, stays.
    """
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    nodes = []
    for node in graph.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            # Cheaper repeated than carried from part to part.
            tensor = TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            weights[tensor.name] = tensor
        else:
            nodes.append(node)
    cuts = _cuts(nodes, {name: _size(tensor) for name, tensor in weights.items()}, most_bytes, graph.graph)
    types = _types(graph)
    return [_part(graph, nodes, weights, types, start, end) for start, end in zip([0, *cuts], [*cuts, len(nodes)], strict=True)]


def save_parts(parts: Iterable[onnx.ModelProto], folder: Path, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """`part_01.onnx` with its weights beside it, and so on, and `parts.json` that names them and what goes in and out."""
    files = []
    for number, part in enumerate(parts, start=1):
        file = folder / f"part_{number:02}.onnx"
        data = file.with_suffix(".onnx_data")
        data.unlink(missing_ok=True)
        onnx.save(part, str(file), save_as_external_data=True, location=data.name, size_threshold=1024)
        files.append(file.name)
    told = {"parts": files, "inputs": list(inputs), "outputs": list(outputs)}
    (folder / PARTS_FILE).write_text(json.dumps(told, indent=2) + "\n")


class PartsInTurn:
    """Runs the parts of a folder one after the other, one loaded at a time, as a device does; called like a session."""

    def __init__(self, folder: Path):
        told = json.loads((folder / PARTS_FILE).read_text())
        self.files = [folder / name for name in told["parts"]]
        self.inputs: list[str] = told["inputs"]

    def run(self, outputs: Sequence[str], feeds: Mapping[str, Any]) -> list[Any]:
        """As `onnxruntime.InferenceSession.run`."""
        held = dict(feeds)
        for file in self.files:
            session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            made = [value.name for value in session.get_outputs()]
            given = {value.name: held[value.name] for value in session.get_inputs()}
            held |= dict(zip(made, session.run(made, given), strict=True))
        return [held[name] for name in outputs]


def _cuts(nodes: Sequence[onnx.NodeProto], sizes: dict[str, int], most_bytes: int, graph: onnx.GraphProto) -> list[int]:
    """Numbers of the nodes with which a new part begins."""
    crossing = _crossing(nodes, {value.name for value in graph.output}, sizes)
    cuts: list[int] = []
    start, held, filled = 0, set[str](), [0]
    at = 0
    while at < len(nodes):
        new = {name for name in uses(nodes[at]) if name in sizes} - held
        total = filled[-1] + sum(sizes[name] for name in new)
        if total > most_bytes and at > start:
            best = [i for i in range(start + 1, at + 1) if filled[i - start] >= FULLEST * filled[-1]]
            start = min(best, key=lambda i: (crossing[i], -i))
            cuts.append(start)
            at, held, filled = start, set(), [0]
            continue
        held |= new
        filled.append(total)
        at += 1
    return cuts


def _crossing(nodes: Sequence[onnx.NodeProto], outputs: set[str], sizes: dict[str, int]) -> list[int]:
    """For every node, how many tensors made before it are read by it or later, or are outputs."""
    last = {name: i for i, node in enumerate(nodes) for name in uses(node)} | dict.fromkeys(outputs, len(nodes))
    change = [0] * (len(nodes) + 2)
    for i, node in enumerate(nodes):
        for name in node.output:
            if name and name not in sizes and last.get(name, i) > i:
                change[i + 1] += 1
                change[last[name] + 1] -= 1
    crossing, now = [], 0
    for step in change[: len(nodes)]:
        now += step
        crossing.append(now)
    return crossing


def _part(
    whole: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], weights: dict[str, TensorProto],
    types: dict[str, onnx.ValueInfoProto], start: int, end: int,
) -> onnx.ModelProto:  # fmt: skip
    own = nodes[start:end]
    made = {name for node in own for name in node.output}
    read = list(dict.fromkeys(name for node in own for name in uses(node)))
    later = {name for node in nodes[end:] for name in uses(node)} | {value.name for value in whole.graph.output}
    inputs = [name for name in read if name and name not in made and name not in weights]
    outputs = [name for node in own for name in node.output if name in later]
    return helper.make_model(
        helper.make_graph(
            own, whole.graph.name, [types[name] for name in inputs], [types[name] for name in outputs],
            [weights[name] for name in read if name in weights],
        ), opset_imports=list(whole.opset_import), ir_version=whole.ir_version,
    )  # fmt: skip


def uses(node: onnx.NodeProto) -> Iterator[str]:
    """Names that a node reads, those of its inner graphs with them."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            made = {name for inner in attribute.g.node for name in inner.output}
            yield from (name for inner in attribute.g.node for name in uses(inner) if name not in made)


def _types(graph: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Of every tensor that a node makes. Large weights stand as inputs, or a model of gigabytes could not be looked at."""
    small, known = [], list(graph.graph.input)
    for tensor in graph.graph.initializer:
        if numpy_helper.to_array(tensor).size <= SMALL_ELEMENTS:
            small.append(tensor)
        else:
            known.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    light = helper.make_model(
        helper.make_graph([_standing_in(node) for node in graph.graph.node], "light", known, list(graph.graph.output), small),
        opset_imports=list(graph.opset_import), ir_version=graph.ir_version,
    )  # fmt: skip
    inferred = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    return {value.name: value for value in (*inferred.value_info, *graph.graph.input, *graph.graph.output)}


def _standing_in(node: onnx.NodeProto) -> onnx.NodeProto:
    """Of ONNX Runtime's own attention the standard knows no sizes; what it gives has those of its query."""
    return helper.make_node("Identity", node.input[:1], node.output[:1]) if node.op_type == "MultiHeadAttention" else node


def _size(tensor: TensorProto) -> int:
    return int(numpy_helper.to_array(tensor).nbytes)

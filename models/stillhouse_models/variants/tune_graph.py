"""A graph changed for a class of devices, computing the same."""

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from stillhouse_models.variants.targets import Tuning


def tune_graph(graph: onnx.ModelProto, tuning: Tuning) -> onnx.ModelProto:
    """The operator set is chosen where the graph is traced; the rest is done here."""
    if tuning.pointwise_matrices:
        graph = pointwise_as_matrices(graph)
    return fused(graph) if tuning.fused else graph


def fused(graph: onnx.ModelProto) -> onnx.ModelProto:
    """As onnxruntime fuses it up to the level that does not depend on the processor (blocked layouts do)."""
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(Path(folder) / "fused.onnx")
        options.log_severity_level = 3
        ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def pointwise_as_matrices(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Every 1x1 convolution (stride 1, one group) as a matrix product between two transpositions."""
    out = onnx.ModelProto()
    out.CopyFrom(graph)
    weights = {tensor.name: tensor for tensor in out.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.graph.node:
        weight = weights.get(node.input[1]) if node.op_type == "Conv" else None
        if weight is None or not _is_pointwise(node, list(weight.dims)):
            nodes.append(node)
            continue
        name = node.output[0]
        matrix = numpy_helper.to_array(weight)[:, :, 0, 0].T.copy()
        out.graph.initializer.append(numpy_helper.from_array(matrix, f"{name}.matrix"))
        nodes.append(helper.make_node("Transpose", [node.input[0]], [f"{name}.nhwc"], perm=[0, 2, 3, 1]))
        nodes.append(helper.make_node("MatMul", [f"{name}.nhwc", f"{name}.matrix"], [f"{name}.product"]))
        last = f"{name}.product"
        if len(node.input) > 2:
            nodes.append(helper.make_node("Add", [last, node.input[2]], [f"{name}.sum"]))
            last = f"{name}.sum"
        nodes.append(helper.make_node("Transpose", [last], [name], perm=[0, 3, 1, 2]))
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in out.graph.initializer if tensor.name in used]
    del out.graph.initializer[:]
    out.graph.initializer.extend(kept)
    onnx.checker.check_model(out)
    return out


def _is_pointwise(node: onnx.NodeProto, shape: list[int]) -> bool:
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    strides, pads = attributes.get("strides", [1]), attributes.get("pads", [0])
    return shape[2:] == [1, 1] and attributes.get("group", 1) == 1 and set(strides) == {1} and not any(pads)

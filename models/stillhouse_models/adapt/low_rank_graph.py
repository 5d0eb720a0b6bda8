"""An ONNX graph that computes with W + U·V, where W stays as a base version stores it and U, V are small.

The base's weights are in a file of their own, whose bytes do not depend on the adapter: blobs are known by their digest, so
devices and servers that have the base's, or another adapter's, get only the rest. Runtimes fold the sum when they load.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from stillhouse_models.onnx_weights import check_graph
from stillhouse_models.variants.kinds import VariantError

# Largest difference that may be left over: float32 rounding of W + U·V.
LEFT_OVER = 1e-5


def differences(base: onnx.ModelProto, adapted: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Name of a weight -> adapted minus base, where they differ. VariantError where the graphs do not correspond."""
    before, after = _weights(base), _weights(adapted)
    if before.keys() != after.keys() or any(before[name].shape != after[name].shape for name in before):
        raise VariantError("the adapted network's graph has other weights than its base's: it cannot be an adapter of it")
    return {name: after[name] - before[name] for name in before if not np.array_equal(before[name], after[name])}


def factors(difference: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 [rows, rank] and [rank, columns], whose product is the difference seen as a matrix."""
    matrix = difference.reshape(difference.shape[0], -1)
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    root = np.sqrt(values[:rank])
    narrow, wide = (left[:, :rank] * root).astype(np.float32), (root[:, None] * right[:rank]).astype(np.float32)
    if np.abs(narrow @ wide - matrix).max() > LEFT_OVER:
        raise VariantError(f"a difference of shape {list(difference.shape)} is no matrix of rank {rank}")
    return narrow, wide


def add_low_rank(file: Path, changes: dict[str, np.ndarray], rank: int) -> None:
    """Rewrites a stored graph, not the file of its weights. `changes` as `differences` finds them, by the weights' names."""
    graph = onnx.load(str(file), load_external_data=False)
    nodes = list(graph.graph.node)
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    for name, difference in changes.items():
        restored = next((i for i, node in enumerate(nodes) if name in node.output), None)
        if restored is None:
            # Not compressed: the weight itself takes the other name.
            stored[name].name = f"{name}.base"
        else:
            node = nodes[restored]
            node.output[list(node.output).index(name)] = f"{name}.base"
        at = 0 if restored is None else restored + 1
        nodes[at:at] = _sum_nodes(name)
        left, right = factors(difference, rank)
        graph.graph.initializer.extend(
            [
                numpy_helper.from_array(left, f"{name}.left"),
                numpy_helper.from_array(right, f"{name}.right"),
                numpy_helper.from_array(np.array(difference.shape, dtype=np.int64), f"{name}.shape"),
            ]
        )
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    file.write_bytes(graph.SerializeToString(deterministic=True))
    check_graph(onnx.load(str(file)))


def _sum_nodes(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", [f"{name}.left", f"{name}.right"], [f"{name}.flat"], f"{name}.product"),
        helper.make_node("Reshape", [f"{name}.flat", f"{name}.shape"], [f"{name}.change"], f"{name}.formed"),
        helper.make_node("Add", [f"{name}.base", f"{name}.change"], [name], f"{name}.adapted"),
    ]


def _weights(graph: onnx.ModelProto) -> dict[str, np.ndarray]:
    named = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    return {name: values for name, values in named.items() if values.dtype == np.float32}

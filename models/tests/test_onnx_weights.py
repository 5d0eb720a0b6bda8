"""Weights in fewer bits give what they gave, and tables are looked up as they are stored."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.onnx_graphs import text_encoder_graph
from stillhouse_models.onnx_weights import compress_weights

ROWS, WIDTH = 300, 16
RANKS = {"words": 3, "scores": 3, "columns": 3, "whole": 2}


def _model(nodes: list[onnx.NodeProto], outputs: list[str]) -> onnx.ModelProto:
    table = np.random.default_rng(3).standard_normal((ROWS, WIDTH)).astype(np.float32)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, None])
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["a", "b", "c"][: RANKS[name]]) for name in outputs]
    graph = helper.make_graph(nodes, "g", [ids], given, [numpy_helper.from_array(table, "table")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _run(model: onnx.ModelProto, ids: list[int]) -> list[np.ndarray]:
    return ort.InferenceSession(model.SerializeToString()).run(None, {"ids": np.array([ids])})


def _restored(model: onnx.ModelProto, precision: str) -> np.ndarray:
    """The whole table, as any other weight comes back."""
    whole = _model([helper.make_node("Identity", ["table"], ["whole"])], ["whole"])
    return ort.InferenceSession(compress_weights(whole, precision).SerializeToString()).run(None, {"ids": np.array([[0]])})[0]


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_rows_of_a_table_are_those_of_the_table_brought_back(precision: str) -> None:
    model = _model([helper.make_node("Gather", ["table", "ids"], ["words"], axis=0)], ["words"])
    ids = [0, 7, ROWS - 1, 7]
    (found,) = _run(compress_weights(model, precision), ids)
    assert np.array_equal(found[0], _restored(model, precision)[ids])


@pytest.mark.parametrize(("precision", "stored"), [("fp16", TensorProto.FLOAT16), ("int8", TensorProto.INT8)])
def test_a_table_is_looked_up_as_it_is_stored(precision: str, stored: int) -> None:
    graph = compress_weights(text_encoder_graph(TextEncoder(vocabulary=96, width=128, layers=1).eval()), precision).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    tables = [node.input[0] for node in graph.node if node.op_type == "Gather" and node.input[0] in types]
    assert stored in {types[name] for name in tables}


def test_a_table_that_is_also_a_matrix_is_brought_back_for_both() -> None:
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["words"], axis=0),
        helper.make_node("Transpose", ["table"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["words", "turned"], ["scores"]),
    ]
    model = _model(nodes, ["scores"])
    table = _restored(model, "fp16")
    (found,) = _run(compress_weights(model, "fp16"), [5])
    np.testing.assert_allclose(found[0], table[[5]] @ table.T, rtol=1e-5, atol=1e-5)


def test_columns_are_not_taken_for_rows() -> None:
    model = _model([helper.make_node("Gather", ["table", "ids"], ["columns"], axis=1)], ["columns"])
    (found,) = _run(compress_weights(model, "fp16"), [2, 3])
    assert np.array_equal(found[:, 0], _restored(model, "fp16")[:, [2, 3]])


def test_a_text_encoder_says_what_it_said() -> None:
    torch.manual_seed(0)
    graph = text_encoder_graph(TextEncoder(vocabulary=96, width=128, layers=2).eval())
    feeds = {"input_ids": np.random.default_rng(0).integers(0, 96, (1, 24))}
    wanted, fp16, int8 = (
        ort.InferenceSession(compress_weights(graph, precision).SerializeToString()).run(None, feeds)[0]
        for precision in ("fp32", "fp16", "int8")
    )
    assert np.abs(fp16 - wanted).max() < 5e-3 * np.abs(wanted).max()
    assert np.abs(int8 - wanted).max() < 5e-2 * np.abs(wanted).max()

"""A graph cut into parts computes what the whole does."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from stillhouse_models.diffusers_export import components
from stillhouse_models.diffusers_export.tiny_parts import unet, wake
from stillhouse_models.diffusers_export.to_onnx import check_against_torch, to_onnx
from stillhouse_models.onnx_parts import PARTS_FILE, PartsInTurn, save_parts, split_graph
from stillhouse_models.onnx_weights import compress_weights

NAMES = ["sample", "timestep", "encoder_hidden_states"]


@pytest.fixture(scope="module")
def component() -> components.Component:
    torch.manual_seed(5)
    return components.unet(wake(unet(32), 5))


@pytest.fixture(scope="module")
def graph(component: components.Component) -> onnx.ModelProto:
    return to_onnx(component, attention="by heads")


def _weigh(model: onnx.ModelProto) -> int:
    return sum(onnx.numpy_helper.to_array(tensor).nbytes for tensor in model.graph.initializer)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_parts_give_what_the_whole_gives(
    graph: onnx.ModelProto, component: components.Component, tmp_path: Path, share: float
) -> None:
    most = int(_weigh(graph) * share)
    parts = split_graph(graph, most)
    assert len(parts) >= 1 / share
    largest = max(onnx.numpy_helper.to_array(tensor).nbytes for tensor in graph.graph.initializer)
    assert all(_weigh(part) <= max(most, largest) + 4096 for part in parts)
    save_parts(parts, tmp_path, NAMES, ["out_sample"])
    assert json.loads((tmp_path / PARTS_FILE).read_text())["parts"] == [f"part_{i:02}.onnx" for i in range(1, len(parts) + 1)]
    feeds = {name: value.numpy() for name, value in component.inputs.items()}
    whole = onnxruntime.InferenceSession(graph.SerializeToString()).run(["out_sample"], feeds)[0]
    np.testing.assert_allclose(PartsInTurn(tmp_path).run(["out_sample"], feeds)[0], whole, atol=1e-5)
    assert check_against_torch(component, tmp_path) < 2e-4


def test_a_small_graph_stays_whole(graph: onnx.ModelProto) -> None:
    assert len(split_graph(graph, 2 * _weigh(graph))) == 1


def test_cuts_stand_where_little_crosses(graph: onnx.ModelProto) -> None:
    """Between blocks: the skip connections, the words, the time and the sizes, and not the middle of an attention."""
    for part in split_graph(graph, _weigh(graph) // 4)[1:]:
        floats = [value for value in part.graph.input if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
        assert len(floats) <= 9


def test_attention_is_the_runtimes_own_for_one_head_at_a_time(graph: onnx.ModelProto) -> None:
    """No scores are written out, and where the operator holds them it holds those of one head."""
    fused = [node for node in graph.graph.node if node.op_type == "MultiHeadAttention"]
    assert fused
    assert {each.i for node in fused for each in node.attribute if each.name == "num_heads"} == {1}
    assert not [node for node in graph.graph.node if node.op_type == "Softmax"]


def test_parts_are_compressed_one_by_one(graph: onnx.ModelProto, component: components.Component, tmp_path: Path) -> None:
    parts = [compress_weights(part, "fp16") for part in split_graph(graph, _weigh(graph) // 3)]
    save_parts(parts, tmp_path, NAMES, ["out_sample"])
    # The random weights are ones that half precision holds.
    assert check_against_torch(component, tmp_path) < 2e-4

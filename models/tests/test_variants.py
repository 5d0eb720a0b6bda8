"""Every form of the weights, made of a small network with random weights: it runs, and as the trained network does."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from diffusers.configuration_utils import register_to_config
from onnx import numpy_helper
from torch import Tensor, nn

from stillhouse_models.export_variant import Graphs, VariantSettings, export_variant, graphs_of
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.lite_unet import LiteUNet
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.onnx_graphs import text_encoder_graph, unet_graph
from stillhouse_models.onnx_weights import compress_weights
from stillhouse_models.openvino_graph import OpenVinoGraph
from stillhouse_models.pipeline import Pipeline, session_of
from stillhouse_models.tokenizer import build_tokenizer
from stillhouse_models.variants.calibration import FIRST_SEED, Calibration, record_calibration
from stillhouse_models.variants.kinds import KINDS, VariantError, read_kinds
from stillhouse_models.variants.parity import Reference, check_parity, reference_pictures, torch_pipeline
from stillhouse_models.variants.targets import TARGETS, UNTUNED, Tuning, tuning_for
from stillhouse_models.variants.tune_graph import tune_graph
from stillhouse_models.weights import Painter

WORDS = ["a", "red", "blue", "green", "circle", "star", "square", "on", "teal", "white", "background"]
PROMPTS = ["a red circle on teal background", "a blue star on white background", "a green square"]
STEPS = 3


@dataclasses.dataclass(frozen=True)
class Small:
    painter: Painter
    graphs: Graphs
    reference: Reference
    calibration: Calibration


@pytest.fixture(scope="module")
def small() -> Small:
    torch.manual_seed(4)
    unet = LiteUNet(channels=[16, 32], num_res_blocks=1, sample_size=32, context_channels=32, pixel_channels=6)
    for name, parameter in unet.named_parameters():
        if "narrow" in name and parameter.ndim > 1:  # blocks begin as the identity; here they shall do something
            nn.init.normal_(parameter, std=0.05)
    encoder = TextEncoder(vocabulary=len(WORDS) + 3, width=32, layers=1)
    painter = Painter(unet.eval(), encoder.eval(), build_tokenizer(WORDS))
    trained = torch_pipeline(painter, 1.0)
    calibration = record_calibration(trained, PROMPTS, STEPS, pictures=4)
    return Small(painter, graphs_of(painter), reference_pictures(trained, PROMPTS, STEPS), calibration)


def export(small: Small, token: str, folder: Path, external_data: bool = False) -> Path:
    settings = VariantSettings(shift=1.0, external_data=external_data)
    export_variant(small.painter, small.graphs, KINDS[token], small.calibration, settings, folder)
    return folder


@pytest.mark.parametrize("token", KINDS)
def test_every_kind_makes_the_trained_networks_pictures(small: Small, token: str, tmp_path: Path) -> None:
    parity = check_parity(KINDS[token], export(small, token, tmp_path / "v"), small.reference)
    assert float(str(parity["worstMeanDifferenceLevels"])) <= KINDS[token].allowed_levels
    assert parity["pictures"] == len(PROMPTS)


def test_a_variant_that_strays_is_refused_by_name_and_number(small: Small, tmp_path: Path) -> None:
    folder = export(small, "fp16", tmp_path / "v")
    file = folder / "unet/model.onnx"
    graph, rng = onnx.load(str(file)), np.random.default_rng(0)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float16:
            noise = 0.5 * rng.standard_normal(values.shape) * values.astype(np.float32).std()
            tensor.CopyFrom(numpy_helper.from_array((values + noise).astype(np.float16), tensor.name))
    file.write_bytes(graph.SerializeToString())
    with pytest.raises(VariantError, match=r"onnxruntime-fp16: the picture of 'a .*levels from PyTorch's"):
        check_parity(KINDS["fp16"], folder, small.reference)


def test_smaller_weights_make_smaller_files(small: Small, tmp_path: Path) -> None:
    tokens = ("fp32", "fp16", "int8", "int4")
    sizes = [(export(small, token, tmp_path / token) / "unet/model.onnx").stat().st_size for token in tokens]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("shape", [(40, 32, 1, 1), (17, 15, 3, 3), (33, 48)])
def test_four_bits_come_back_near(shape: tuple[int, ...]) -> None:
    """Also where blocks are not full, and for matrices, whose inputs are their first axis."""
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    tensor = numpy_helper.from_array(np.concatenate([values] * 4), "w")
    node = onnx.helper.make_node("Identity", ["w"], ["y"])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, list(tensor.dims))
    graph = onnx.helper.make_graph([node], "g", [], [out], [tensor])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (back,) = ort.InferenceSession(compress_weights(model, "int4").SerializeToString()).run(None, {})
    wanted = np.concatenate([values] * 4)
    assert back.shape == wanted.shape
    # A step is an eighth of a block's largest value: of 32 normal ones about 2.1, so a uniform error of 0.26 / sqrt(12).
    assert np.sqrt(np.square(back - wanted).mean()) < 0.1
    assert np.abs(back - wanted).max() < 0.35


def test_integers_really_compute(small: Small, tmp_path: Path) -> None:
    operators = {}
    for token in ("int8", "int8-dynamic", "int8-static"):
        graph = onnx.load(str(export(small, token, tmp_path / token) / "unet/model.onnx"))
        operators[token] = {node.op_type for node in graph.graph.node}
    assert "MatMulInteger" in operators["int8-dynamic"]
    assert "QuantizeLinear" in operators["int8-static"]
    assert not {"MatMulInteger", "QuantizeLinear"} & operators["int8"]


def test_calibration_sees_every_step_and_no_seed_of_the_evaluation(small: Small) -> None:
    calibration = small.calibration
    assert (len(calibration.text_encoder), len(calibration.unet)) == (4, 4 * STEPS)
    assert len({feeds["sample"].tobytes() for feeds in calibration.unet}) == 4 * STEPS
    assert FIRST_SEED > 100_000


def test_external_data_holds_the_weights_and_changes_no_picture(small: Small, tmp_path: Path) -> None:
    inside, outside = export(small, "fp16", tmp_path / "in"), export(small, "fp16", tmp_path / "out", external_data=True)
    for part in ("unet", "text_encoder"):
        assert (outside / part / "model.onnx_data").stat().st_size > (outside / part / "model.onnx").stat().st_size / 2
    pictures = [Pipeline.load(folder)(PROMPTS[0], 5, STEPS) for folder in (inside, outside)]
    assert np.array_equal(*pictures)
    shutil.rmtree(inside)


@pytest.mark.parametrize("token", ["fp32", "int8-dynamic", "int8-static"])
def test_batches_are_free(small: Small, token: str, tmp_path: Path) -> None:
    session = ort.InferenceSession(str(export(small, token, tmp_path / "v") / "unet/model.onnx"))
    feeds = small.calibration.unet[1]
    # Three alike: ranges that are measured at each run are those of the batch.
    (together,) = session.run(None, {name: np.repeat(value, 3, axis=0) for name, value in feeds.items()})
    (alone,) = session.run(None, feeds)
    assert np.abs(together - alone).max() < 1e-3 * np.abs(alone).max()


def test_openvino_computes_stored_int8_matrices_in_float32(tmp_path: Path) -> None:
    """Left to itself it rounds what they are multiplied with, half a hundredth of the largest value off."""
    torch.manual_seed(0)
    encoder = TextEncoder(vocabulary=96, width=128, layers=3).eval()
    graph = compress_weights(text_encoder_graph(encoder), "int8")
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    feeds = {"input_ids": np.random.default_rng(0).integers(0, 96, (1, 24))}
    (wanted,) = ort.InferenceSession(str(tmp_path / "model.onnx")).run(None, feeds)
    (made,) = OpenVinoGraph(tmp_path / "model.onnx").run(None, feeds)
    assert np.abs(made - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("tuning", [Tuning(20), Tuning(fused=True), Tuning(20, True), Tuning(17, True, True)])
def test_a_tuned_graph_computes_the_same(small: Small, tuning: Tuning) -> None:
    feeds = small.calibration.unet[1]
    graph = tune_graph(unet_graph(small.painter.unet, tuning.opset), tuning)
    (made,) = session_of(compress_weights(graph, "fp16").SerializeToString()).run(None, feeds)
    (wanted,) = session_of(compress_weights(small.graphs.unet, "fp16").SerializeToString()).run(None, feeds)
    assert np.abs(made - wanted).max() < 1e-2 * np.abs(wanted).max()
    operators = " ".join(node.op_type for node in graph.graph.node)
    convolutions = sum(node.op_type == "Conv" for node in graph.graph.node)
    assert (convolutions < sum(node.op_type == "Conv" for node in small.graphs.unet.graph.node)) == tuning.pointwise_matrices
    assert ("Gelu" in operators) == (tuning.fused or tuning.opset == 20)


def test_a_target_is_a_device_class_or_its_beginning() -> None:
    assert tuning_for(None) == UNTUNED
    assert tuning_for("raspberry-pi-5-8gb") == tuning_for("raspberry-pi-5") == TARGETS["raspberry-pi-5"]
    assert not any(tuning.pointwise_matrices for tuning in TARGETS.values())
    with pytest.raises(VariantError, match=r"unknown target 'toaster'.*x86-64"):
        tuning_for("toaster")


def test_what_a_user_types_is_read_strictly() -> None:
    assert [kind.name for kind in read_kinds("fp16, onnxruntime-int8,openvino-fp16")] == [
        "onnxruntime-fp16", "onnxruntime-int8", "openvino-fp16",
    ]  # fmt: skip
    for text, message in (("fp17", "unknown variants .*fp17.*known: fp32"), ("", "at least one"), ("int8,int8", "none twice")):
        with pytest.raises(VariantError, match=message):
            read_kinds(text)


class Plain(Denoiser):
    """Convolutions alone: it takes any size."""

    @register_to_config
    def __init__(self, in_channels: int = 3, sample_size: int = 32, context_channels: int = 8, fixed: bool = False):
        super().__init__()
        self.first = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.told = nn.Linear(context_channels, 8)
        self.last = nn.Conv2d(8, in_channels, 3, padding=1)
        self.positions = nn.Parameter(torch.randn(sample_size, sample_size)) if fixed else None

    def clean(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        h = nn.functional.silu(self.first(sample) + self.told(encoder_hidden_states.mean(dim=1))[:, :, None, None])
        return self.last(h if self.positions is None else h + self.positions)


def test_width_and_height_are_free_where_the_network_allows_it() -> None:
    free, fixed = unet_graph(Plain()), unet_graph(Plain(fixed=True))
    sides = [[d.dim_param or d.dim_value for d in graph.graph.input[0].type.tensor_type.shape.dim] for graph in (free, fixed)]
    assert sides == [["batch", 3, "height", "width"], ["batch", 3, 32, 32]]
    session = ort.InferenceSession(free.SerializeToString())
    feeds = {"sample": np.zeros((2, 3, 40, 72), np.float32), "timestep": np.full(2, 9, np.float32)}
    feeds["encoder_hidden_states"] = np.zeros((2, 24, 8), np.float32)
    assert session.run(None, feeds)[0].shape == (2, 3, 40, 72)

"""Every family and every kind of attention: shapes, gradients, graphs, folders; and that kept weights still mean the same."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from stillhouse_models import LiteUNet, MobileNetV3UNet, SeparableUNet
from stillhouse_models.export_variant import model_index
from stillhouse_models.networks.attention import KINDS, Attention, LinearAttention, WindowedAttention, mixing
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.networks.mobilenet_v3_unet import divisible
from stillhouse_models.onnx_graphs import unet_graph
from stillhouse_models.weights import Painter, load_painter

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints/stickers"
STUDENTS = (LiteUNet, MobileNetV3UNet, SeparableUNet)
# Of the largest value of the answer; float32 on both sides, sums in another order.
TOLERANCE = 1e-4


def inputs(batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch, 3, 64, 64, generator=generator)
    return noise, torch.full((batch,), 400.0), torch.randn(batch, 24, 128, generator=generator)


def stirred(network: Denoiser) -> Denoiser:
    """Blocks start as the identity; a test of their arithmetic needs weights that do something."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    return network


@pytest.mark.parametrize("attention", KINDS)
@pytest.mark.parametrize("family", STUDENTS)
def test_the_graph_computes_what_torch_does(family: type[Denoiser], attention: str) -> None:
    network = stirred(family(3, 3, channels=[8, 16, 24], num_res_blocks=1, attention=attention)).eval()
    session = ort.InferenceSession(unet_graph(network).SerializeToString(), providers=["CPUExecutionProvider"])
    fed = dict(zip(["sample", "timestep", "encoder_hidden_states"], (x.numpy() for x in inputs(3)), strict=True))
    (out,) = session.run(["out_sample"], fed)
    with torch.no_grad():
        expected = network(*inputs(3)).numpy()
    assert out.shape == (3, 3, 64, 64)
    assert np.abs(out - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("family", STUDENTS)
@pytest.mark.parametrize("attention", KINDS)
def test_every_weight_has_a_gradient(family: type[Denoiser], attention: str) -> None:
    network = stirred(family(channels=[8, 16], num_res_blocks=2, attention=attention))
    network(*inputs(2)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("family", STUDENTS)
def test_a_folder_gives_the_network_back_with_its_attention(family: type[Denoiser], tmp_path: Path) -> None:
    network = stirred(family(channels=[8, 16], attention="linear")).eval()
    network.save_pretrained(tmp_path)
    again = family.from_pretrained(tmp_path).eval()
    assert again.config["attention"] == "linear"
    with torch.no_grad():
        torch.testing.assert_close(network(*inputs(1)), again(*inputs(1)), atol=1e-5, rtol=1e-5)


def test_a_version_names_the_students_class() -> None:
    kept = load_painter(CHECKPOINTS / "student")
    assert model_index(kept)["unet"] == ["stillhouse_models", "SeparableUNet"]
    other = Painter(LiteUNet(channels=[8, 16]), kept.encoder, kept.tokenizer)
    assert model_index(other)["unet"] == ["stillhouse_models", "LiteUNet"]


def test_kinds_of_attention_share_their_weights() -> None:
    names = [list(LiteUNet(channels=[8, 16], attention=kind).state_dict()) for kind in KINDS]
    assert names[0] == names[1] == names[2]


def test_an_unknown_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="sparse"):
        LiteUNet(attention="sparse")


@pytest.mark.parametrize(("family", "folder"), [("separable-unet", "student"), ("teacher-unet", "teacher")])
def test_kept_weights_still_load(family: str, folder: str) -> None:
    kept = load_painter(CHECKPOINTS / folder, family)
    assert isinstance(kept.unet, FAMILIES[family])
    stored = load_file(CHECKPOINTS / folder / "unet/diffusion_pytorch_model.safetensors")
    assert kept.unet.state_dict().keys() == stored.keys()
    with torch.no_grad():
        assert kept.unet.clean(*inputs(1)).isfinite().all()


def test_another_family_than_the_folder_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="holds a separable-unet"):
        load_painter(CHECKPOINTS / "student", "lite-unet")


def test_linear_attention_against_the_sum_written_out() -> None:
    torch.manual_seed(0)
    layer = LinearAttention(4, 4, heads=1)
    q, k, v = (torch.randn(1, 1, n, 4) for n in (3, 5, 5))
    phi_q, phi_k = (torch.where(x > 0, x + 1, x.exp()) for x in (q, k))
    weights = phi_q[0, 0] @ phi_k[0, 0].T
    expected = (weights / weights.sum(1, keepdim=True)) @ v[0, 0]
    torch.testing.assert_close(layer.mixed(q, k, v)[0, 0], expected)


def test_windows_see_themselves_only() -> None:
    torch.manual_seed(0)
    windowed, full = WindowedAttention(8, 8, 2, side=8, shifted=False), Attention(8, 8, 2)
    full.load_state_dict(windowed.state_dict())
    x = torch.randn(2, 8, 8, 8)
    answers = windowed(x.reshape(2, 64, 8), x.reshape(2, 64, 8)).reshape(2, 8, 8, 8)
    window = x[:, 4:, :4].reshape(2, 16, 8)
    torch.testing.assert_close(answers[:, 4:, :4].reshape(2, 16, 8), full(window, window))


def test_shifted_windows_reach_over_the_border_but_not_around_the_grid() -> None:
    torch.manual_seed(0)
    layer = WindowedAttention(8, 8, 1, side=8, shifted=True)
    x = torch.randn(1, 64, 8, requires_grad=True)
    seen = {}
    for name, position in {"middle": 3 * 8 + 3, "corner": 0}.items():
        (gradient,) = torch.autograd.grad(layer(x, x)[0, position].sum(), x)
        rows, columns = (gradient[0].abs().sum(1).reshape(8, 8) > 0).nonzero().T
        seen[name] = (rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item())
    assert seen == {"middle": (2, 5, 2, 5), "corner": (0, 1, 0, 1)}


def test_windows_of_odd_size_do_not_reach_around_either() -> None:
    torch.manual_seed(0)
    layer = WindowedAttention(8, 8, 1, side=10, shifted=True)
    assert (layer.window, layer.shift) == (5, 2)
    x = torch.randn(1, 100, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x, x)[0, 99].sum(), x)
    seen = (gradient[0].abs().sum(1).reshape(10, 10) > 0).nonzero()
    assert (seen.min().item(), seen.max().item()) == (7, 9)


def test_a_grid_of_one_window_is_full_attention() -> None:
    layer, full = mixing("windowed", 8, 2, 4, shifted=True), Attention(8, 8, 2)
    full.load_state_dict(layer.state_dict())
    x = torch.randn(1, 16, 8)
    torch.testing.assert_close(layer(x, x), full(x, x))


@pytest.mark.parametrize(("wanted", "made"), [(4, 8), (8, 8), (12, 16), (18, 24), (24, 24), (32, 32)])
def test_squeezed_channels_are_multiples_of_eight(wanted: int, made: int) -> None:
    assert divisible(wanted) == made

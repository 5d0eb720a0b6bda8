"""Upsampling folded into its convolution computes what the two compute."""

import random
from pathlib import Path

import onnx
import pytest
import torch
from diffusers.models.autoencoders.vae import DecoderTiny
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.fold_upsampling import Interleave, fold_upsampling
from stillhouse_models.diffusers_export.to_onnx import check_against_torch, to_onnx

INTERLEAVES: list[Interleave] = ["concat", "depth to space"]
FREE = {"latent_sample": {0: "batch", 2: "height", 3: "width"}}


class _Call(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor) -> tuple[Tensor, ...]:
        found = self.network(latents)
        return found if isinstance(found, tuple) else (found,)


def _component(network: nn.Module, outputs: int = 1) -> Component:
    latents = {"latent_sample": torch.randn(2, 4, 6, 5)}
    return Component("vae_decoder", _Call(network).eval(), latents, [f"sample{i}" for i in range(outputs)], FREE, "vae")


def _folded(component: Component, interleave: Interleave, file: Path, *, fold: bool = True) -> tuple[int, onnx.GraphProto]:
    model = to_onnx(component, fold=fold)
    count = fold_upsampling(model.graph, interleave)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    # At the traced sizes and at others, with another batch.
    assert check_against_torch(component, file) < 1e-5
    return count, model.graph


@pytest.mark.parametrize("interleave", INTERLEAVES)
@pytest.mark.parametrize(("channels", "fold"), [(1, True), (3, False), (16, True)])
def test_gives_the_same_numbers_with_fewer_products(tmp_path: Path, interleave: Interleave, channels: int, fold: bool) -> None:
    torch.manual_seed(random.randrange(1000))
    component = _component(Upsample2D(4, use_conv=True, out_channels=channels))
    count, graph = _folded(component, interleave, tmp_path / "model.onnx", fold=fold)
    assert count == 1
    kinds = [node.op_type for node in graph.node]
    assert "Resize" not in kinds
    assert ("DepthToSpace" in kinds) == (interleave == "depth to space")
    assert [list(tensor.dims) for tensor in graph.initializer if len(tensor.dims) == 4] == [[channels, 4, 2, 2]] * 4


@pytest.mark.parametrize("interleave", INTERLEAVES)
def test_folds_a_small_decoder_whose_convolutions_have_no_bias(tmp_path: Path, interleave: Interleave) -> None:
    torch.manual_seed(3)
    decoder = DecoderTiny(4, 3, (1, 2, 1), (8, 8, 8), 2, "relu", "nearest")
    assert _folded(_component(decoder), interleave, tmp_path / "model.onnx")[0] == 2


class _Both(nn.Module):
    """What was enlarged is read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        large = nn.functional.interpolate(latents, scale_factor=2.0)
        return self.conv(large) + large


class _Given(nn.Module):
    """What was enlarged is a result, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        large = nn.functional.interpolate(latents, scale_factor=2.0)
        return self.conv(large), large


def _enlarged(conv: nn.Module, factor: float = 2.0, mode: str = "nearest") -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=factor, mode=mode), conv)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(_Both(), id="read twice"),
        pytest.param(_Given(), id="a result"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 3, padding=1), 3.0), id="three times as large"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 3, padding=1), mode="bilinear"), id="bilinear"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 1)), id="1x1"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 3)), id="no padding"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 3, padding=1, stride=2)), id="stride"),
        pytest.param(_enlarged(nn.Conv2d(4, 4, 3, padding=1, groups=2)), id="groups"),
        pytest.param(_enlarged(nn.SiLU()), id="no convolution"),
    ],
)
def test_leaves_alone_what_it_does_not_know(tmp_path: Path, network: nn.Module) -> None:
    component = _component(network, 2 if isinstance(network, _Given) else 1)
    count, graph = _folded(component, "concat", tmp_path / "model.onnx")
    assert count == 0
    assert "Resize" in {node.op_type for node in graph.node}

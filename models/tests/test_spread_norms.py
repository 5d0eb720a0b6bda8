"""Group norms written for OpenVINO compute what PyTorch's own do."""

import random
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.spread_norms import spread_norms
from stillhouse_models.diffusers_export.to_onnx import check_against_torch, to_onnx


def _norm(groups: int, channels: int, seed: int) -> nn.GroupNorm:
    torch.manual_seed(seed)
    norm = nn.GroupNorm(groups, channels, eps=1e-6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize(("groups", "channels"), [(1, 6), (4, 32), (32, 64), (8, 8)])
def test_gives_the_same_numbers(groups: int, channels: int) -> None:
    seed = random.randrange(1000)
    norm = _norm(groups, channels, seed)
    # Far from zero: where the mean is larger than the spread, squares alone would lose digits.
    values = torch.randn(3, channels, 5, 7) * 2 + 50
    wanted = norm(values)
    with spread_norms():
        found = norm(values)
        vectors = norm(values.flatten(2))
    assert (found - wanted).abs().max() < 1e-4, f"seed {seed}"
    assert (vectors - wanted.flatten(2)).abs().max() < 1e-4
    assert torch.equal(norm(values), wanted)


class _Network(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> tuple[Tensor]:
        return (self.layers(latents),)


def test_norms_whose_weights_are_alike_stay_two(tmp_path: Path) -> None:
    """As they are in a network that nobody has trained."""
    norms = _Network(nn.GroupNorm(4, 8), nn.SiLU(), nn.GroupNorm(4, 8), nn.Conv2d(8, 8, 1), nn.GroupNorm(2, 8))
    component = Component("vae_decoder", norms.eval(), {"latent_sample": torch.randn(1, 8, 6, 5)}, ["sample"], {}, "vae")
    with spread_norms():
        onnx.save(to_onnx(component, fold=False), tmp_path / "model.onnx")
    assert check_against_torch(component, tmp_path / "model.onnx") < 2e-5


def test_a_graph_keeps_its_layout_and_its_free_sizes(tmp_path: Path) -> None:
    network = _Network(nn.Conv2d(4, 32, 3, padding=1), _norm(8, 32, 1), nn.Conv2d(32, 3, 3, padding=1)).eval()
    free = {"latent_sample": {0: "batch", 2: "height", 3: "width"}}
    component = Component("vae_decoder", network, {"latent_sample": torch.randn(1, 4, 32, 24)}, ["sample"], free, "vae")
    with spread_norms():
        graph = to_onnx(component, fold=False)
    onnx.save(graph, tmp_path / "model.onnx")
    assert check_against_torch(component, tmp_path / "model.onnx") < 2e-5
    assert "InstanceNormalization" not in {node.op_type for node in graph.graph.node}
    assert "InstanceNormalization" in {node.op_type for node in to_onnx(component).graph.node}

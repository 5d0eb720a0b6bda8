"""Students that take pictures of other sizes than they were trained with, by stretching what they learned of positions."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.onnx_graphs import unet_graph
from stillhouse_models.recipe import RecipeError, as_made, read_recipe

RECIPE = Path(__file__).parents[1] / "recipes/shapes-tiny.toml"
STUDENTS = ("lite-unet", "mobilenet-v3-unet", "separable-unet")
SIDE = 32


def student_of(family: str, **more: str) -> Denoiser:
    torch.manual_seed(6)
    made: Denoiser = FAMILIES[family](channels=[16, 32], num_res_blocks=1, sample_size=SIDE, context_channels=16, **more).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "positions" in name or "narrow" in name:  # so that they are seen
                parameter.normal_(std=0.3)
    return made


def given(height: int, width: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(2, 3, height, width, generator=generator), torch.tensor([900.0, 300.0]), torch.randn(2, 24, 16)


def sides(graph: onnx.ModelProto) -> list[object]:
    return [each.dim_param or each.dim_value for each in graph.graph.input[0].type.tensor_type.shape.dim][2:]


@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("family", STUDENTS)
def test_other_sizes_are_taken_and_the_trained_one_is_as_it_was(family: str, attention: str) -> None:
    learned, free = (student_of(family, attention=attention, positions=kind) for kind in ("learned", "interpolated"))
    free.load_state_dict(learned.state_dict())
    fixed_graph, graph = unet_graph(learned), unet_graph(free)
    assert sides(fixed_graph) == [SIDE, SIDE]
    assert sides(graph) == ["height", "width"]
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    with torch.no_grad():
        inputs = given(SIDE, SIDE)
        assert free(*inputs).equal(learned(*inputs))
        for height, width in ((SIDE, SIDE), (64, 32), (48, 80), (16, 16)):
            inputs = given(height, width)
            wanted = free(*inputs)
            names = ("sample", "timestep", "encoder_hidden_states")
            (made,) = session.run(None, {name: each.numpy() for name, each in zip(names, inputs, strict=True)})
            np.testing.assert_allclose(made, wanted.numpy(), atol=2e-4 * float(wanted.abs().max()), rtol=1e-3)


def test_positions_are_stretched_and_not_repeated() -> None:
    """Twice the size: every place has the mean of its learned neighbours, weighed by how near they are."""
    level = student_of("lite-unet", positions="interpolated").body.up[-1].attention
    with torch.no_grad():
        level.positions.copy_(torch.arange(float(level.side)).repeat(level.side)[:, None].expand_as(level.positions))
        row = level._placed(2 * level.side, 2 * level.side)[0, : 2 * level.side, 0]
    assert row[:5].tolist() == [0.0, 0.25, 0.75, 1.25, 1.75]
    assert row[-1] == level.side - 1


def test_a_size_that_was_learned_refuses_others() -> None:
    for more in ({}, {"attention": "windowed"}):
        with torch.no_grad(), pytest.raises(RuntimeError):
            student_of("lite-unet", **more)(*given(64, 64))


def test_a_recipe_says_it_where_it_is_possible(tmp_path: Path) -> None:
    file, text = tmp_path / "recipe.toml", RECIPE.read_text()

    def with_student(lines: str) -> str:
        return text.replace("[student]\n", f"[student]\n{lines}\n", 1)

    file.write_text(with_student('positions = "interpolated"'))
    assert as_made(read_recipe(file).student)["positions"] == "interpolated"
    # Trainings that were begun before there was a choice go on.
    assert "positions" not in as_made(read_recipe(RECIPE).student)
    file.write_text(with_student('positions = "interpolated"\nattention = "windowed"'))
    with pytest.raises(RecipeError, match=r"positions is 'interpolated'; windows and a teacher-unet fix the size"):
        read_recipe(file)
    file.write_text(with_student('positions = "sinusoidal"'))
    with pytest.raises(RecipeError, match=r"positions is 'sinusoidal'; known: \['learned', 'interpolated'\]"):
        read_recipe(file)

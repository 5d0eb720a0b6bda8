from pathlib import Path

import pytest

from stillhouse_models.recipe import RecipeError, read_recipe

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_built_in_recipes_are_read(file: Path) -> None:
    assert read_recipe(file).phases


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("batch_size", "batchsize"), "batchsize"),
        (("mse = 1.0 }", "mae = 1.0 }"), "mae"),
        (('source = "shapes"', ""), "source"),
        (('family = "lite-unet"', 'family = "heavy-unet"'), "heavy-unet.*separable-unet"),
        (('family = "lite-unet"', 'family = "lite-unet"\nattention = "sparse"'), "attention is 'sparse'"),
        (('family = "lite-unet"', 'family = "lite-unet"\nstart = "teecher"'), "start is 'teecher'"),
        (('family = "lite-unet"', 'family = "lite-unet"\nimportance = "l3"'), "importance is 'l3'"),
        (('family = "lite-unet"', 'family = "lite-unet"\nlayers = ["up2"]'), "layers: unknown layer 'up2'.*up1"),
        (('family = "lite-unet"', 'family = "lite-unet"\ntemperature = 0.0'), "temperature is 0"),
        (('family = "lite-unet"', 'family = "teacher-unet"\nattention = "linear"'), "teacher-unet.*full"),
        (("[teacher]", "[teacher"), "shapes"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = next(file for file in RECIPES if file.stem == "shapes-tiny").read_text()
    wrong = tmp_path / "shapes.toml"
    wrong.write_text(text.replace(*change, 1))
    with pytest.raises(RecipeError, match=message):
        read_recipe(wrong)

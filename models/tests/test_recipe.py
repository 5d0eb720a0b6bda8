from pathlib import Path

import pytest

from stillhouse_models.recipe import RecipeError, as_made, read_recipe

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
        (("seconds = 40", "seconds = 40\nsteps = 9"), "either 'steps' or 'seconds'"),
        (("seconds = 40", "steps = 0"), "more than 0"),
        (("rate = 2e-3", "rate = 0.0"), "'rate' is 0.0"),
        (("rate = 2e-3", "rate = 2e-3\npure_noise_share = 0.4\nown_path_share = 0.7"), "a sum of 1 at most"),
        (("[teacher]", '[teacher]\nfrom = "somewhere"'), "leave out 'channels' and 'seconds'"),
        (("[student]", '[export]\nversion = "1.0"\n[student]'), "semantic version"),
        (("[student]", '[export]\nprecisions = ["fp17"]\n[student]'), "fp17"),
        (("[student]", '[export]\nmodel = "My Model"\n[student]'), "expected a name"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = next(file for file in RECIPES if file.stem == "shapes-tiny").read_text()
    wrong = tmp_path / "shapes.toml"
    wrong.write_text(text.replace(*change, 1))
    with pytest.raises(RecipeError, match=message):
        read_recipe(wrong)


def test_what_phases_leave_out_goes_by_their_names(tmp_path: Path) -> None:
    text = next(file for file in RECIPES if file.stem == "shapes-tiny").read_text()
    file = tmp_path / "shapes.toml"
    file.write_text(text[: text.index("[[phases]]")])
    warm, main, fine = read_recipe(file).phases
    assert [(phase.name, phase.rate) for phase in (warm, main, fine)] == [
        ("warm-up", 1e-4),
        ("main", 5e-5),
        ("fine-tuning", 1e-5),
    ]
    assert dict(warm.losses) == {"mse": 1.0}
    assert {"mse", "feature", "gram", "kl"} <= set(main.losses)
    assert fine.frozen
    assert not main.frozen
    file.write_text(text[: text.index("[[phases]]")] + '[[phases]]\nname = "main"\nseconds = 5\nrate = 1e-3\n')
    (only,) = read_recipe(file).phases
    assert (only.seconds, only.steps, only.rate, dict(only.losses)) == (5, None, 1e-3, dict(main.losses))


def test_keys_that_came_later_do_not_stop_a_training_begun_before(tmp_path: Path) -> None:
    text = next(file for file in RECIPES if file.stem == "shapes-tiny").read_text()
    file = tmp_path / "shapes.toml"
    file.write_text(text)
    (before, *_) = read_recipe(file).phases
    assert not {"pure_noise_share", "own_path_share"} & as_made(before).keys()
    file.write_text(text.replace("rate = 2e-3", "rate = 2e-3\nown_path_share = 0.5", 1))
    assert as_made(read_recipe(file).phases[0]) == as_made(before) | {"own_path_share": 0.5}


def test_ready_parts_are_looked_for_beside_the_recipe(tmp_path: Path) -> None:
    text = next(file for file in RECIPES if file.stem == "released").read_text()
    begin, end = text.index("\n[evaluator]"), text.index("\n[student]")
    kept = '\n[evaluator]\nfrom = "../kept"\n[teacher]\nfrom = "../kept/teacher"\n'
    file = tmp_path / "recipes/mine.toml"
    file.parent.mkdir()
    file.write_text(text[:begin] + kept + text[end:])
    recipe = read_recipe(file)
    assert (recipe.teacher.ready, recipe.evaluator.ready) == (tmp_path / "kept/teacher", tmp_path / "kept")

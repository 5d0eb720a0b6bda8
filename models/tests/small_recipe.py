"""A recipe of shapes that is followed in seconds, for tests of the ways and not of the pictures."""

from dataclasses import replace
from pathlib import Path

from stillhouse_models.recipe import Recipe, read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"


def small() -> Recipe:
    recipe = read_recipe(RECIPES / "quick.toml")
    evaluator = replace(recipe.evaluator, seconds=1.0, channels=(8, 8, 16, 16))
    teacher = replace(recipe.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8, seconds=1.0)
    student = replace(recipe.student, channels=(8, 16), batch_size=8)
    phases = (replace(recipe.phases[1], losses={"mse": 1.0, "truth": 0.5}),)
    export = replace(recipe.export, prompts=4, teacher_steps=2)
    return replace(recipe, evaluator=evaluator, teacher=teacher, student=student, phases=phases, export=export)

"""Which trainings a recipe's table compares: its student, each other family, each loss switched off, and other recipes'."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stillhouse_models.recipe import CHOICES, PhaseRecipe, Recipe, RecipeError
from stillhouse_models.table.budget import within

OWN = "the recipe's student"


@dataclass(frozen=True)
class Row:
    """`recipe`: what is trained, its phases within the table's number of steps."""

    group: str
    name: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.group} {self.name}".lower()).strip("-")


def rows_of(recipe: Recipe, steps: int, beside: Sequence[Recipe] = ()) -> list[Row]:
    """The first is the recipe as it stands. `beside`: recipes whose students are trained by this one's teacher.

    RecipeError where a recipe beside it learns from other pictures or a table's name would occur twice.
    """
    families = [family for family in CHOICES["family"] if family != recipe.student.family]
    rows = [
        Row("student", OWN, recipe),
        Row("student", "from another seed", replace(recipe, seed=recipe.seed + 1)),
        *(Row("student", f"of {other.name}", _taught_by(recipe, other)) for other in beside),
        *(Row("family", family, _of_family(recipe, family)) for family in families),
        *(Row("loss", f"without {name}", _without(recipe, name)) for name in used_losses(recipe.phases)),
    ]
    kept = [
        replace(row, recipe=replace(row.recipe, phases=within(row.recipe.phases, steps))) for row in rows if row.recipe.phases
    ]
    if len({row.folder for row in kept}) < len(kept):
        raise RecipeError("--beside: two recipes have the same name; their rows could not be told apart")
    return kept


def used_losses(phases: tuple[PhaseRecipe, ...]) -> list[str]:
    """In the order in which phases bring them in."""
    return list(dict.fromkeys(name for phase in phases for name, weight in phase.losses.items() if weight > 0))


def _without(recipe: Recipe, loss: str) -> Recipe:
    """A phase that nothing is left of is left out."""
    phases = [replace(p, losses={name: weight for name, weight in p.losses.items() if name != loss}) for p in recipe.phases]
    return replace(recipe, phases=tuple(phase for phase in phases if any(weight > 0 for weight in phase.losses.values())))


def _of_family(recipe: Recipe, family: str) -> Recipe:
    # The teacher's own knows only one kind of attention.
    attention = "full" if family == "teacher-unet" else recipe.student.attention
    return replace(recipe, student=replace(recipe.student, family=family, attention=attention))


def _taught_by(recipe: Recipe, other: Recipe) -> Recipe:
    if other.source != recipe.source:
        raise RecipeError(f"--beside: {other.name!r} learns from {other.source!r}, this recipe from {recipe.source!r}")
    return replace(recipe, name=other.name, student=other.student, phases=other.phases)

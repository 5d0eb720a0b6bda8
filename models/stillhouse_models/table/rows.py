"""Which trainings a recipe's table compares: its student, and others that differ from it in one thing each."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stillhouse_models.recipe import CHOICES, LOSSES, PhaseRecipe, Recipe, RecipeError
from stillhouse_models.table.budget import within

OWN = "the recipe's student"
# Weights of losses that a recipe leaves out, when they are added to it: about a tenth of what mse begins with.
ADDED = {
    "mse": 1.0, "truth": 1.0, "edges": 0.5, "feature": 0.1, "gram": 0.05, "kl": 0.02, "layout": 0.05, "perceptual": 0.1,
    "progressive": 1.0, "consistency": 0.5, "adversarial": 0.02, "dmd": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """`recipe`: what is trained, its phases within the table's number of steps."""

    group: str
    name: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.group} {self.name} seed {self.recipe.seed}".lower()).strip("-")

    def from_seed(self, seed: int) -> "Row":
        return replace(self, recipe=replace(self.recipe, seed=seed))


def rows_of(recipe: Recipe, steps: int, beside: Sequence[Recipe] = (), groups: Sequence[str] = ()) -> list[Row]:
    """The first is the recipe as it stands; `groups` chooses what stands below it, none named: all of TRAINED_GROUPS.

    `beside`: recipes whose students are trained by this one's teacher. RecipeError where a group is unknown, a recipe beside
    it learns from other pictures, or a table's name would occur twice.
    """
    if unknown := sorted(set(groups) - set(TRAINED_GROUPS)):
        raise RecipeError(f"--groups: unknown {unknown}; known: {list(TRAINED_GROUPS)}")
    rows = [
        Row("student", OWN, recipe),
        *(Row("student", f"of {other.name}", _taught_by(recipe, other)) for other in beside),
        *(
            Row(group, name, changed)
            for group, changes in TRAINED_GROUPS.items()
            if group in (groups or TRAINED_GROUPS)
            for name, changed in changes(recipe).items()
            if changed.phases
        ),
    ]
    if len({row.folder for row in rows}) < len(rows):
        raise RecipeError("--beside: two recipes have the same name; their rows could not be told apart")
    return [replace(row, recipe=replace(row.recipe, phases=within(row.recipe.phases, steps))) for row in rows]


def used_losses(phases: tuple[PhaseRecipe, ...]) -> list[str]:
    """In the order in which phases bring them in."""
    return list(dict.fromkeys(name for phase in phases for name, weight in phase.losses.items() if weight > 0))


def _families(recipe: Recipe) -> dict[str, Recipe]:
    others = [family for family in CHOICES["family"] if family != recipe.student.family]
    # The teacher's own knows only one kind of attention.
    only_full = {"attention": "full", "positions": "learned"}
    return {family: _student(recipe, family=family, **(only_full if family == "teacher-unet" else {})) for family in others}


def _starts(recipe: Recipe) -> dict[str, Recipe]:
    ways = {"from scratch": ("scratch", "taylor")} | {
        f"from the teacher, ranked by {kind}": ("teacher", kind) for kind in CHOICES["importance"]
    }
    own = (recipe.student.start, recipe.student.importance)
    return {
        name: _student(recipe, start=start, importance=kind)
        for name, (start, kind) in ways.items()
        if (start, kind) != own and (start, own[0]) != ("scratch", "scratch")
    }


def _attention(recipe: Recipe) -> dict[str, Recipe]:
    if recipe.student.family == "teacher-unet" or recipe.student.positions != "learned":
        return {}
    return {kind: _student(recipe, attention=kind) for kind in CHOICES["attention"] if kind != recipe.student.attention}


def _losses_off(recipe: Recipe) -> dict[str, Recipe]:
    used = used_losses(recipe.phases)
    off = {f"without {name}": _without(recipe, name) for name in used}
    return off | {"mse alone": _phases(recipe, losses={"mse": 1.0})} if set(used) - {"mse"} else off


def _further_losses(recipe: Recipe) -> dict[str, Recipe]:
    further = [name for name in LOSSES if name not in used_losses(recipe.phases)]
    return {f"with {name}": _with(recipe, name) for name in further}


def _lessons(recipe: Recipe) -> dict[str, Recipe]:
    shares = {"pure_noise_share": "without lessons of pure noise", "own_path_share": "without lessons on the student's own path"}
    return {
        name: _phases(recipe, **{share: 0.0})
        for share, name in shares.items()
        if any(getattr(phase, share) for phase in recipe.phases)
    }


TRAINED_GROUPS: Mapping[str, Callable[[Recipe], dict[str, Recipe]]] = {
    "family": _families,
    "start": _starts,
    "attention": _attention,
    "loss": _losses_off,
    "further loss": _further_losses,
    "lessons": _lessons,
}


def _student(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, student=replace(recipe.student, **changes))


def _phases(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, phases=tuple(replace(phase, **changes) for phase in recipe.phases))


def _without(recipe: Recipe, loss: str) -> Recipe:
    """A phase that nothing is left of is left out."""
    phases = [replace(p, losses={name: weight for name, weight in p.losses.items() if name != loss}) for p in recipe.phases]
    return replace(recipe, phases=tuple(phase for phase in phases if any(weight > 0 for weight in phase.losses.values())))


def _with(recipe: Recipe, loss: str) -> Recipe:
    return replace(recipe, phases=tuple(replace(p, losses={**p.losses, loss: ADDED[loss]}) for p in recipe.phases))


def _taught_by(recipe: Recipe, other: Recipe) -> Recipe:
    if other.source != recipe.source:
        raise RecipeError(f"--beside: {other.name!r} learns from {other.source!r}, this recipe from {recipe.source!r}")
    return replace(recipe, name=other.name, student=other.student, phases=other.phases)

"""What an ablation compares: variants of one recipe that differ in one thing each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stillhouse_models.recipe import CHOICES, LOSSES, PhaseRecipe, Recipe, RecipeError

# Weights of losses that the recipe leaves out, when they are added to it: about a tenth of what mse begins with.
ADDED = {
    "mse": 1.0, "truth": 1.0, "edges": 0.5, "feature": 0.1, "gram": 0.05, "kl": 0.02, "layout": 0.05,
    "progressive": 1.0, "consistency": 0.5, "adversarial": 0.02, "dmd": 0.1,
}  # fmt: skip


GROUPS = ("family", "losses", "ranking", "attention")


@dataclass(frozen=True)
class Variant:
    """`group` is the question that it belongs to, `name` what it changes."""

    group: str
    name: str
    recipe: Recipe

    @property
    def phase(self) -> PhaseRecipe:
        return self.recipe.phases[0]


def variants_of(recipe: Recipe, groups: tuple[str, ...] = GROUPS) -> list[Variant]:
    """Families from scratch and from the teacher, each loss off and each further one on, ways of ranking, attention kinds.

    The recipe's last phase stands for all of its training. RecipeError where a group is not one of GROUPS.
    """
    if unknown := sorted(set(groups) - set(GROUPS)):
        raise RecipeError(f"--groups: unknown {unknown}; known: {list(GROUPS)}")
    base = replace(recipe, phases=recipe.phases[-1:])
    made = {"family": _families, "losses": _losses, "ranking": _ranking, "attention": _attention}
    return [variant for group in GROUPS if group in groups for variant in made[group](base)]


def _families(base: Recipe) -> list[Variant]:
    return [
        Variant("family", f"{family}, from {where}", _student(base, family=family, start=start))
        for family in CHOICES["family"]
        for start, where in (("scratch", "scratch"), ("teacher", "the teacher"))
    ]


def _attention(base: Recipe) -> list[Variant]:
    return [Variant("attention", kind, _student(base, attention=kind)) for kind in CHOICES["attention"]]


def _ranking(base: Recipe) -> list[Variant]:
    return [
        Variant(
            "ranking", f"separable-unet, by {kind}", _student(base, family="separable-unet", start="teacher", importance=kind)
        )
        for kind in CHOICES["importance"]
    ]


def _losses(base: Recipe) -> list[Variant]:
    used = dict(base.phases[0].losses)
    without = {f"without {name}": {key: weight for key, weight in used.items() if key != name} for name in used}
    further = {f"with {name}": used | {name: ADDED[name]} for name in LOSSES if name not in used}
    chosen: dict[str, Mapping[str, float]] = {
        "all of the recipe": used,
        **without,
        "mse alone": {"mse": used.get("mse", 1.0)},
        **further,
    }
    return [Variant("losses", name, _phase(base, losses)) for name, losses in chosen.items() if losses]


def _student(base: Recipe, **changes: Any) -> Recipe:
    return replace(base, student=replace(base.student, **changes))


def _phase(base: Recipe, losses: Mapping[str, float]) -> Recipe:
    return replace(base, phases=(replace(base.phases[0], losses=losses),))

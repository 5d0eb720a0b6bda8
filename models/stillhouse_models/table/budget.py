"""A recipe's phases within a given number of steps, in the proportions that they have."""

from dataclasses import replace

from stillhouse_models.recipe import PhaseRecipe, RecipeError


def within(phases: tuple[PhaseRecipe, ...], steps: int) -> tuple[PhaseRecipe, ...]:
    """The same phases counted in steps that add up to `steps`, each at least one. RecipeError where that cannot be."""
    if not phases or steps < len(phases):
        raise RecipeError(f"--steps is {steps}; expected at least one for each of the {len(phases)} phases")
    sizes = [phase.steps if phase.steps is not None else phase.seconds or 0.0 for phase in phases]
    if len({phase.steps is None for phase in phases}) > 1:
        raise RecipeError("a table needs phases that are all counted in steps or all in seconds: their proportions stay")
    left, weight = steps, float(sum(sizes))
    made = []
    for index, (phase, size) in enumerate(zip(phases, sizes, strict=True)):
        following = len(phases) - index - 1
        share = left if not following else min(max(1, round(left * size / weight)), left - following)
        made.append(replace(phase, steps=share, seconds=None))
        left, weight = left - share, weight - size
    return tuple(made)

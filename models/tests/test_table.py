"""A recipe's table: which rows it has, how the budget is shared out, and that it goes on where it was stopped."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_recipe import small

from stillhouse_models.faults import RefusedError, StoppedError
from stillhouse_models.recipe import CHOICES, LOSSES, PhaseRecipe, RecipeError, read_recipe
from stillhouse_models.table.budget import within
from stillhouse_models.table.rows import ADDED, OWN, rows_of, used_losses
from stillhouse_models.table.rows_over_seeds import dunnett_quantile, rows_over_seeds
from stillhouse_models.table.table_text import table_text
from stillhouse_models.table.whole_table import TableRequest, whole_table
from stillhouse_models.variants.kinds import VariantError
from stillhouse_models.watch import Unwatched

RECIPES = Path(__file__).parents[1] / "recipes"
RELEASED, ABLATION = (read_recipe(RECIPES / name) for name in ("released.toml", "ablation.toml"))


def test_phases_keep_their_proportions() -> None:
    of_seconds = tuple(PhaseRecipe(str(seconds), seconds, 1e-3, {"mse": 1.0}) for seconds in (100.0, 2000.0, 500.0))
    assert [phase.steps for phase in within(of_seconds, 260)] == [10, 200, 50]
    assert [phase.seconds for phase in within(of_seconds, 260)] == [None] * 3
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(200):
        sizes = [chance.choice((1, 10, 1000, chance.random() + 0.01)) for _ in range(chance.randint(1, 6))]
        phases = tuple(PhaseRecipe(str(size), size, 1e-3, {"mse": 1.0}) for size in sizes)
        steps = chance.randint(len(phases), 500)
        found = [phase.steps or 0 for phase in within(phases, steps)]
        assert sum(found) == steps, f"seed {seed}"
        assert min(found) >= 1, f"seed {seed}"


def test_a_budget_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(RecipeError, match="--steps is 2"):
        within(RELEASED.phases, 2)
    with pytest.raises(RecipeError, match="all counted in steps or all in seconds"):
        within((RELEASED.phases[0], replace(RELEASED.phases[1], seconds=None, steps=5)), 10)


def test_each_row_differs_in_one_thing() -> None:
    rows = rows_of(ABLATION, 100)
    assert rows[0].name == OWN
    named = {(row.group, row.name): row.recipe for row in rows}
    families = [recipe.student.family for (group, _), recipe in named.items() if group == "family"]
    assert sorted([*families, ABLATION.student.family]) == sorted(CHOICES["family"])
    assert {recipe.student.attention for (group, _), recipe in named.items() if group == "attention"} == {"linear", "windowed"}
    starts = {(r.student.start, r.student.importance) for (group, _), r in named.items() if group == "start"}
    assert starts == {("scratch", "taylor"), ("teacher", "l1")}
    used = used_losses(ABLATION.phases)
    assert {name for group, name in named if group == "loss"} == {"mse alone"} | {f"without {loss}" for loss in used}
    assert {name for group, name in named if group == "further loss"} == {f"with {loss}" for loss in set(LOSSES) - set(used)}
    for loss in used:
        assert all(loss not in phase.losses for phase in named["loss", f"without {loss}"].phases)
    assert all(phase.losses["dmd"] == ADDED["dmd"] for phase in named["further loss", "with dmd"].phases)
    assert set(ADDED) == set(LOSSES)
    assert [p.own_path_share for p in named["lessons", "without lessons on the student's own path"].phases] == [0, 0, 0]
    assert [p.pure_noise_share for p in named["lessons", "without lessons of pure noise"].phases] == [0, 0, 0]
    for recipe in named.values():
        assert sum(phase.steps or 0 for phase in recipe.phases) == 100
    assert len({(str(row.recipe)) for row in rows}) == len(rows)


def test_a_phase_of_one_loss_alone_is_left_out_without_it() -> None:
    alone = replace(RELEASED, phases=(replace(RELEASED.phases[0], losses={"mse": 1.0}), RELEASED.phases[1]))
    (row,) = [row for row in rows_of(alone, 100) if row.name == "without mse"]
    assert [(phase.name, phase.steps) for phase in row.recipe.phases] == [("main", 100)]


def test_what_a_student_cannot_vary_is_no_row() -> None:
    wide = replace(ABLATION, student=replace(ABLATION.student, family="teacher-unet", start="scratch"))
    groups = {row.group for row in rows_of(wide, 100)}
    assert "attention" not in groups
    only = replace(wide, phases=(PhaseRecipe("main", None, 1e-3, {"mse": 1.0}, steps=10),))
    assert {row.name for row in rows_of(only, 100) if row.group in ("loss", "lessons")} == set()


def test_only_the_groups_asked_for() -> None:
    assert {row.group for row in rows_of(ABLATION, 100, (), ("start", "lessons"))} == {"student", "start", "lessons"}
    with pytest.raises(RecipeError, match=r"--groups: unknown \['families'\]; known"):
        rows_of(ABLATION, 100, (), ("families",))


def test_recipes_beside_it_are_rows_of_their_own() -> None:
    other = replace(RELEASED, name="wide", student=replace(RELEASED.student, channels=(48, 96, 192)))
    (row,) = [row for row in rows_of(RELEASED, 100, (other,)) if row.name == "of wide"]
    assert row.recipe.student.channels == (48, 96, 192)
    with pytest.raises(RecipeError, match="same name"):
        rows_of(RELEASED, 100, (other, other))
    with pytest.raises(RecipeError, match="learns from 'shapes'"):
        rows_of(RELEASED, 100, (replace(other, source="shapes"),))


def scored(*scores: float) -> list[dict[str, Any]]:
    """Rows of one seed."""
    plain = {"parameters": 10, "steps": 3, "evaluations": 3, "adherence": 0.5, "whole": 0.0, "psnrDb": None}
    return [plain | {"score": score, "interval": {"low": 0.0, "high": 5.0}} for score in scores]


def test_a_difference_counts_when_seeds_do_not_explain_it() -> None:
    # Beside the recipe's student one row like it and one below; the seeds lift and lower all three by more than that.
    seeds = [scored(2.31, 2.35, 2.00), scored(2.69, 2.66, 2.41), scored(2.56, 2.60, 2.24), scored(1.99, 1.96, 1.72)]
    own, like, below = rows_over_seeds(seeds)
    assert own["score"] == pytest.approx((2.31 + 2.69 + 2.56 + 1.99) / 4)
    assert own["scores"] == [2.31, 2.69, 2.56, 1.99]
    assert like["difference"]["low"] < 0 < like["difference"]["high"]
    assert below["difference"]["high"] < 0
    # By hand: what is left of each score without its row and its seed, over (3 - 1) * (4 - 1) degrees of freedom.
    scores = np.array([[row["score"] for row in rows] for rows in seeds])
    left = scores - scores.mean(axis=0) - scores.mean(axis=1)[:, None] + scores.mean()
    half = 2.86 * np.sqrt(2 / 4 * (left**2).sum() / 6)
    assert below["difference"]["high"] - below["difference"]["value"] == pytest.approx(half, rel=0.01)
    assert rows_over_seeds(seeds) == [own, like, below]


# Dunnett 1955, table 2a: two-sided, 95 % together.
@pytest.mark.parametrize(("compared", "freedom", "quantile"), [(1, 5, 2.57), (2, 6, 2.86), (3, 10, 2.76), (9, 20, 2.95)])
def test_the_quantile_is_the_tables(compared: int, freedom: int, quantile: float) -> None:
    assert dunnett_quantile(compared, freedom) == pytest.approx(quantile, abs=0.03)


def test_of_one_seed_nothing_is_said_about_chance() -> None:
    (row,) = rows_over_seeds([scored(2.0)])
    assert "difference" not in row
    assert row["interval"] == {"low": 0.0, "high": 5.0}


def test_seeds_that_change_nothing_leave_no_interval() -> None:
    _, other = rows_over_seeds([scored(2.0, 1.0), scored(2.0, 1.0)])
    assert other["difference"] == {"value": -1.0, "low": -1.0, "high": -1.0}


class StopsAt(Unwatched):
    """Asks to stop once a line was said, as a signal would."""

    def __init__(self, line: str) -> None:
        self.line, self.lines, self.stop_asked = line, list[str](), False

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.stop_asked = self.stop_asked or line.startswith(self.line)

    def stop_if_asked(self, done: str) -> None:
        if self.stop_asked:
            raise StoppedError(15, done)


def test_a_table_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    recipe, wanted = small(), TableRequest(3, 1, ("fp32", "int8"), ("loss",))
    with pytest.raises(StoppedError):
        whole_table(recipe, tmp_path, wanted, StopsAt("seed 1 of 1, row 2 of"))
    watch = StopsAt("never")
    result = whole_table(recipe, tmp_path, wanted, watch)
    assert "student-the-recipe-s-student-seed-0: done already" in watch.lines
    assert "loss-without-truth-seed-0: done already" not in watch.lines
    names = [(row["group"], row["name"]) for row in result["rows"]]
    assert names[0] == ("student", OWN)
    assert {("loss", "without mse"), ("loss", "without truth"), ("precision", "onnxruntime-int8")} <= set(names)
    by_name = {row["name"]: row for row in result["rows"]}
    # The same weights, by PyTorch and by the exported graph.
    assert by_name["onnxruntime-fp32"]["score"] == pytest.approx(by_name[OWN]["score"], abs=0.3)
    assert by_name["onnxruntime-fp32"]["parameters"] == by_name[OWN]["parameters"] < result["teacher"]["parameters"]
    for row in (result["teacher"], *result["rows"]):
        assert 0 <= row["interval"]["low"] <= row["score"] <= row["interval"]["high"] <= 5
    assert json.loads((tmp_path / "table-3/table.json").read_text()) == json.loads(json.dumps(result))
    assert not list((tmp_path / "table-3").glob("*/*.pt"))
    text = (tmp_path / "table-3/table.md").read_text()
    assert text == table_text(result) + "\n"
    assert text.splitlines()[2].startswith(f"| teacher | {result['teacher']['parameters']:,} | 1 | 4 |")

    # More seeds add to what is there.
    again = StopsAt("never")
    of_two = whole_table(recipe, tmp_path, replace(wanted, seeds=2), again)
    assert "loss-without-truth-seed-0: done already" in again.lines
    assert "loss-without-truth-seed-1: done already" not in again.lines
    own, *others = [row for row in of_two["rows"] if row["group"] != "precision"]
    assert own["scores"][0] == by_name[OWN]["score"]
    for row in others:
        assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    assert table_text(of_two).splitlines()[0].endswith("difference from the recipe's student [95 %] |")

    # Other budgets have a folder of their own; another recipe in the same one is refused.
    with pytest.raises(RefusedError, match="seed: 0 before, 5 now"):
        whole_table(replace(recipe, seed=5), tmp_path, wanted, Unwatched())
    with pytest.raises(VariantError, match="int3"):
        whole_table(recipe, tmp_path, replace(wanted, precisions=("int3",)), Unwatched())

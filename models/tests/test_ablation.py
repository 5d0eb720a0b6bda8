"""The ablation: what it compares, how it sums up, and that it goes on where it was killed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

from stillhouse_models.ablation import ablation as verb
from stillhouse_models.ablation.ablation import ROWS, ablation
from stillhouse_models.ablation.ablation_table import ablation_table, summaries
from stillhouse_models.ablation.variants import ADDED, Variant, variants_of
from stillhouse_models.keep_teacher import keep_teacher
from stillhouse_models.networks.evaluator import Evaluator
from stillhouse_models.recipe import CHOICES, LOSSES, Recipe, read_recipe
from stillhouse_models.sources.batches import heads
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.train_teacher import TeacherTraining, settings_of

RECIPE = read_recipe(Path(__file__).parents[1] / "recipes/ablation.toml")

BASE = "separable-unet, from the teacher"


def small() -> Recipe:
    teacher = replace(RECIPE.teacher, channels=(16, 32), text_width=16, text_layers=1, batch_size=8)
    return replace(RECIPE, teacher=teacher, student=replace(RECIPE.student, channels=(8, 16), batch_size=8))


@pytest.fixture
def training(tmp_path: Path) -> Path:
    TeacherTraining(settings_of(small()), tmp_path).save()
    keep_teacher(tmp_path, tmp_path / "teacher")
    evaluator = Evaluator({name: len(names) for name, names in heads(shapes()).items()}, 32, (8, 8, 16, 16))
    save_file(evaluator.state_dict(), tmp_path / "evaluator.safetensors")
    return tmp_path


def test_each_family_kind_and_loss_is_a_row() -> None:
    variants = {(v.group, v.name): v for v in variants_of(RECIPE)}
    used = RECIPE.phases[-1].losses
    names = {name for group, name in variants if group == "losses"}
    assert names == {"all of the recipe", "mse alone"} | {f"without {n}" for n in used} | {
        f"with {n}" for n in set(LOSSES) - set(used)
    }
    families = [v.recipe.student for (group, _), v in variants.items() if group == "family"]
    assert {(s.family, s.start) for s in families} == {(f, s) for f in CHOICES["family"] for s in CHOICES["start"]}
    assert variants["losses", "with dmd"].phase.losses == used | {"dmd": ADDED["dmd"]}
    assert "kl" not in variants["losses", "without kl"].phase.losses
    assert set(ADDED) == set(LOSSES)


def test_only_the_groups_asked_for() -> None:
    assert {variant.group for variant in variants_of(RECIPE, ("ranking", "attention"))} == {"ranking", "attention"}
    with pytest.raises(ValueError, match=r"families.*known"):
        variants_of(RECIPE, ("families",))


def test_rows_of_several_seeds_become_one() -> None:
    row = {"group": "g", "name": "n", "parameters": 1200, "cpuMsPerStep": 3.0, "mse": 0.1, "parts": 0.5, "every": 0.25}
    (found,) = summaries([row, row | {"mse": 0.3, "parts": 0.7, "cpuMsPerStep": 5.0}])
    assert found["mse"] == {"mean": pytest.approx(0.2), "low": 0.1, "high": 0.3}
    assert (found["cpuMsPerStep"], found["seeds"]) == (4.0, 2)
    assert "| n | 1,200 | 4 | 0.2000 [0.1000, 0.3000] | 60% [50%, 70%] | 25% [25%, 25%] |" in ablation_table([found])


def test_it_goes_on_where_it_was_killed(training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [v for v in variants_of(small()) if v.name in (BASE, "all of the recipe", "with adversarial")]
    monkeypatch.setattr(verb, "variants_of", lambda recipe, groups: chosen)
    measured: list[str] = []
    really = verb._measured

    def dies_at_the_second(variant: Variant, *others: object) -> dict:
        measured.append(variant.name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return really(variant, *others)

    monkeypatch.setattr(verb, "_measured", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        ablation(small(), training, tmp_path / "out", steps=2, seeds=1)
    table = ablation(small(), training, tmp_path / "out", steps=2, seeds=1)
    # The recipe as it stands is trained once for both of its rows; what was measured before is not measured again.
    assert measured == [BASE, "with adversarial", "with adversarial"]
    rows = [json.loads(line) for line in (tmp_path / "out" / ROWS).read_text().splitlines()]
    assert [row["name"] for row in rows] == [BASE, "all of the recipe", "with adversarial"]
    assert rows[0]["mse"] == rows[1]["mse"] > 0
    assert table == (tmp_path / "out/ablation.md").read_text()
    assert len(json.loads((tmp_path / "out/ablation.json").read_text())["rows"]) == 3

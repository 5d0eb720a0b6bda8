"""Training speed as a ratio: what the two clocks see, and that every choice of the plain loop learns the same lesson."""

import pytest
import torch
from small_recipe import small

from stillhouse_models.recipe import RecipeError
from stillhouse_models.throughput.plain_loop import CHOICES, PlainLoop, read_choices
from stillhouse_models.throughput.throughput import summary, teacher_of, throughput
from stillhouse_models.throughput.throughput_text import throughput_text
from stillhouse_models.watch import Unwatched


def test_a_ratio_is_of_neighbours() -> None:
    # The machine became ten times slower on the way: the ratio does not see it.
    times = {"ours": (1.0, 10.0, 1.0), "plain": (2.0, 20.0, 2.0), "rendering": (0.1, 1.0, 0.1)}
    found = summary({name: [(wall, wall / 2) for wall in walls] for name, walls in times.items()}, 8)
    assert (found["ratio"], found["ratioLow"], found["ratioHigh"]) == (2.0, 2.0, 2.0)
    assert found["renderingShare"] == pytest.approx(0.1)
    assert found["picturesPerSecond"]["ours"] == 8.0


def test_a_disturbed_round_is_seen_by_one_clock_alone() -> None:
    times = {"ours": [(5.0, 1.0), (1.0, 1.0)], "plain": [(2.0, 2.0)] * 2, "rendering": [(0.1, 0.1)] * 2}
    loop = summary(times, 8)["loops"]["ours"]
    assert (loop["ratioLow"], loop["ratioHigh"]) == (0.4, 2.0)
    assert (loop["cpuRatioLow"], loop["cpuRatioHigh"]) == (2.0, 2.0)


# A compiled graph takes minutes to make, and a compiler.
@pytest.mark.parametrize("choice", sorted(set(CHOICES) - {"compiled"}))
def test_a_choice_changes_the_speed_and_not_the_lesson(choice: str) -> None:
    recipe = small()
    teacher = teacher_of(recipe)

    def losses(choices: frozenset[str]) -> list[float]:
        torch.manual_seed(0)
        loop = PlainLoop(recipe, teacher, choices)
        # A worker process takes a seed from torch; from here on both draw the same.
        torch.manual_seed(0)
        return [loop.step() for _ in range(3)]

    assert losses(frozenset({choice})) == pytest.approx(losses(frozenset()), rel=0.02)


def test_choices_are_read_strictly() -> None:
    assert read_choices("fused,compiled+fused") == {"fused": {"fused"}, "compiled+fused": {"compiled", "fused"}}
    assert read_choices("") == {}
    with pytest.raises(RecipeError, match=r"unknown \['fuse'\]"):
        read_choices("fuse")


def test_every_loop_takes_its_turns() -> None:
    result = throughput(small(), 1, 2, read_choices("channels-last"), Unwatched())
    assert list(result["loops"]) == ["ours", "channels-last"]
    assert 0 < result["renderingShare"] < 1
    text = throughput_text(result)
    assert "| this toolkit's loop |" in text
    assert "plain with channels-last" in text

"""Lessons from pure noise, and from where the student's own steps lead."""

import numpy as np
import pytest
import torch
from torch import Tensor

from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.train_teacher import TeacherTraining, settings_of
from stillhouse_models.training.lessons import LessonPlan, draw_lesson
from stillhouse_models.training.own_path import walked
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.weights import Painter
from tests.small_recipe import small

PLAN = LessonPlan(steps=4, noisy=3, asked=2, pure=4, own=5)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Painter:
    training = TeacherTraining(settings_of(small()), tmp_path_factory.mktemp("teacher"))
    return Painter(training.unet, training.encoder, training.tokenizer)


def test_pure_noise_holds_nothing_of_the_picture(teacher: Painter) -> None:
    lesson = draw_lesson(teacher, SOURCES["shapes"](), np.random.default_rng(1), PLAN)
    assert lesson.noisy.shape == lesson.truth.shape == (12, 3, 32, 32)
    assert len(lesson.clean) == 2
    assert torch.all(lesson.timestep[3:7] == 1000)
    told = [
        abs(torch.corrcoef(torch.stack([noisy.flatten(), truth.flatten()]))[0, 1].item())
        for noisy, truth in zip(lesson.noisy, lesson.truth, strict=True)
    ]
    # By chance, of 3,072 values each: a standard deviation of 0.018.
    assert max(told[3:]) < 0.1 < max(told[:3])
    assert all(offset == (0, 0) for scene in lesson.scenes[3:] for offset in scene.jitter)


def test_the_student_goes_down_by_itself_and_nothing_else_moves(teacher: Painter) -> None:
    seen = set()
    for seed in range(12):
        lesson = draw_lesson(teacher, SOURCES["shapes"](), np.random.default_rng(seed), PLAN)
        seen.add(lesson.own_steps)
        levels = sigmas(PLAN.steps)
        assert torch.allclose(lesson.timestep[-5:], torch.full((5,), levels[lesson.own_steps] * 1000))
        with torch.no_grad():
            context = teacher.encoder(lesson.ids)
        moved = walked(lesson.noisy, lesson.own, lesson.own_steps, teacher.unet, context, PLAN.steps)
        assert torch.equal(moved[:-5], lesson.noisy[:-5])

        def clean(x: Tensor, t: Tensor, told: Tensor = context[-5:]) -> Tensor:
            return teacher.unet.clean(x, t, told)

        wanted = sample(clean, lesson.noisy[-5:], levels[: lesson.own_steps + 1])
        assert torch.allclose(moved[-5:], wanted, atol=1e-5)
        assert not moved.requires_grad
    assert seen == {0, 1, 2, 3}

"""Losses against values computed by hand or by a second, plainer formula."""

import math

import pytest
import torch
from torch import Tensor

from stillhouse_models.losses.adversarial import Discriminator, fooled, hinge
from stillhouse_models.losses.consistency import neighbour_answer
from stillhouse_models.losses.distribution_matching import distribution_matching
from stillhouse_models.losses.features import Adapters, feature, feature_losses, gram, kl
from stillhouse_models.losses.mse import mse
from stillhouse_models.losses.paths import following, one_step_answer, renoised, step_to
from stillhouse_models.losses.perceptual import perceptual
from stillhouse_models.losses.progressive import two_step_answer


def picture(*values: float) -> Tensor:
    """A batch of pictures of one pixel in one channel."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def test_mse_is_weighted_by_the_noise_level() -> None:
    # (1^2 / 1 + 2^2 / 0.5 + 3^2 / 0.3) / 3: below 0.3 the weight grows no more.
    assert mse(picture(1, 2, 3), picture(0, 0, 0), torch.tensor([1000.0, 500.0, 10.0])).item() == pytest.approx(13.0)


def test_feature_is_a_share_of_the_teachers_size() -> None:
    # (1 + 0) / 2 over (4 + 16) / 2.
    assert feature(picture(1, 4), picture(2, 4)).item() == pytest.approx(0.05)


def test_gram_does_not_care_where() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 2)
    elsewhere = features.flatten(2)[:, :, [2, 0, 3, 1]].reshape(2, 3, 2, 2)
    assert gram(features, elsewhere).item() == pytest.approx(0, abs=1e-10)
    # Two channels that are each alone at one of two positions, against always the first: G = I/2 and diag(1, 0).
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 2, 1, 2)
    alone = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    assert gram(apart, alone).item() == pytest.approx(0.5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_kl_of_two_channels(temperature: float) -> None:
    given, wanted = torch.tensor([0.0, 0.0]).view(1, 2, 1, 1), torch.tensor([2.0, 0.0]).view(1, 2, 1, 1)
    p = 1 / (1 + math.exp(-2 / temperature))
    expected = (p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))) * temperature**2
    assert kl(given, wanted, temperature).item() == pytest.approx(expected, rel=1e-5)


def test_adapters_widen_and_learn() -> None:
    adapters = Adapters([2, 3], [4, 6])
    widened = adapters([torch.randn(1, 2, 5, 5), torch.randn(1, 3, 5, 5)])
    assert [w.shape[1] for w in widened] == [4, 6]
    losses = feature_losses({"feature", "gram", "kl", "mse"}, widened, [torch.randn_like(w) for w in widened], 2.0)
    assert set(losses) == {"feature", "gram", "kl"}
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in adapters.parameters())


def test_the_next_level_is_strictly_lower() -> None:
    schedule = [1.0, 0.6, 0.2, 0.0]
    assert following(torch.tensor([1.0, 0.7, 0.6, 0.2, 0.05]), schedule).tolist() == pytest.approx([0.6, 0.6, 0.2, 0.0, 0.0])


def test_steps_and_answers_are_inverses() -> None:
    x, clean, level, target = (
        torch.randn(3, 2, 4, 4),
        torch.randn(3, 2, 4, 4),
        torch.tensor([1.0, 0.5, 0.2]),
        torch.tensor([0.6, 0.1, 0.0]),
    )
    reached = step_to(x, level, clean, target)
    torch.testing.assert_close(one_step_answer(x, level, reached, target), clean)
    torch.testing.assert_close(reached[2], clean[2])


def test_a_straight_path_stays_straight() -> None:
    """Where the answer is the same everywhere, a step leads to the point of the path at the target."""
    clean, noise, level, target = picture(0.5), picture(2.0), torch.tensor([0.8]), torch.tensor([0.3])
    torch.testing.assert_close(step_to(renoised(clean, level, noise), level, clean, target), renoised(clean, target, noise))


def test_two_steps_of_the_teacher_as_one() -> None:
    # From x = 1 at 1: answer 0 leads to 0.5 at 0.5; there answer 0.25 leads to 0.25 + (0.5 - 0.25) * 0 = 0.25 at 0.
    answer = two_step_answer(picture(1), torch.tensor([1.0]), picture(0), lambda x, level: x / 2, [1.0, 0.0])
    assert answer.item() == pytest.approx(0.25)


def test_a_neighbour_on_the_path_answers_for_the_point() -> None:
    level, schedule = torch.tensor([1.0, 0.5]), [1.0, 0.5, 0.0]
    x, teacher = picture(1, 1), picture(0, 0.2)
    seen: list[Tensor] = []

    def average(at: Tensor, levels: Tensor) -> Tensor:
        seen.append(levels)
        return at * 10

    # The first goes to 0.5 at 0.5 and is answered by the average; the second reaches 0, where the point is the answer.
    torch.testing.assert_close(neighbour_answer(x, level, teacher, average, schedule), picture(5, 0.2))
    assert seen[0].tolist() == [0.5, 0.5]


def test_perceptual_sees_both_pictures_through_the_same_noise() -> None:
    seen: list[Tensor] = []

    def look(noisy: Tensor, level: Tensor) -> list[Tensor]:
        seen.append(noisy)
        return [noisy, noisy.sum(dim=(2, 3), keepdim=True)]

    painted, wanted, noise = (picture(value).requires_grad_(value == 3) for value in (3.0, 1.0, 2.0))
    loss = perceptual(painted, wanted, torch.tensor([0.5]), noise, look)
    # Seen as 0.5 * 1 + 0.5 * 2 = 1.5 and 0.5 * 3 + 0.5 * 2 = 2.5: by both layers 1 apart, of 1.5 squared.
    assert [noisy.item() for noisy in seen] == [1.5, 2.5]
    assert loss.item() == pytest.approx(1 / 1.5**2)
    loss.backward()
    assert painted.grad is not None
    # d/dpainted (0.5 * painted + 1 - 1.5)^2 / 2.25 = 2 * 1 * 0.5 / 2.25.
    assert painted.grad.item() == pytest.approx(1 / 2.25)
    assert perceptual(wanted, wanted, torch.tensor([0.5]), noise, look).item() == 0


def test_hinge_asks_no_more_than_a_margin() -> None:
    assert hinge(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])).item() == pytest.approx(0.25 + 0.5)
    assert fooled(torch.tensor([1.0, 3.0])).item() == -2


def test_a_discriminator_learns_to_tell() -> None:
    torch.manual_seed(0)
    network = Discriminator([8, 4])
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)

    def drawn(channel: int) -> list[Tensor]:
        features = [torch.randn(16, 8, 4, 4), torch.randn(16, 4, 8, 8)]
        for each in features:
            each[:, channel] += 2
        return features

    for _ in range(60):
        adam.zero_grad()
        hinge(network(drawn(0)), network(drawn(1))).backward()
        adam.step()
    rendered, painted = network(drawn(0)), network(drawn(1))
    assert rendered.shape == (16, 16 + 64)
    assert rendered.mean() > 0.3 > -0.3 > painted.mean()


def test_distribution_matching_goes_where_the_teacher_differs_from_the_copy() -> None:
    painted = picture(1.0).requires_grad_()
    loss = distribution_matching(painted, teacher=picture(0.5), copy=picture(0.75))
    # Direction (0.75 - 0.5) / |1 - 0.5| = 0.5.
    assert loss.item() == pytest.approx(0.5 * 0.5**2)
    (gradient,) = torch.autograd.grad(loss, painted)
    assert gradient.item() == pytest.approx(0.5)

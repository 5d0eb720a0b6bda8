"""The loss of edges."""

import torch

from stillhouse_models.losses.mse import edges


def test_a_shift_of_brightness_is_no_wrong_edge() -> None:
    wanted = torch.randn(2, 3, 8, 8)
    assert edges(wanted + 0.5, wanted, torch.full((2,), 500.0)) < 1e-10


def test_one_wrong_pixel_counts_at_its_four_borders() -> None:
    wanted = torch.zeros(1, 1, 4, 4)
    wrong = wanted.clone()
    wrong[0, 0, 1, 1] = 2.0
    # Two of the 12 differences across and two of the 12 down are off by 2; at t = 500 the weight is 1 / 0.5.
    assert torch.isclose(edges(wrong, wanted, torch.full((1,), 500.0)), torch.tensor((8 / 12 + 8 / 12) / 0.5))

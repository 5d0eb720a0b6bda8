import numpy as np
import pytest
import torch

from stillhouse_models.noise import randn


@pytest.mark.parametrize("seed", [0, 42, 2**31, 2**32 - 1])
@pytest.mark.parametrize("count", [1, 2, 5, 15, 16, 17, 31, 33, 624, 1000, 3 * 64 * 64])
def test_noise_is_what_torch_draws(seed: int, count: int) -> None:
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(seed)).numpy()
    np.testing.assert_allclose(randn(seed, count), drawn, atol=1e-6)


def test_seeds_differ() -> None:
    assert not np.allclose(randn(1, 64), randn(2, 64))

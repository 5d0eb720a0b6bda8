"""Muon's updates: orthogonal, each matrix by itself although they go in batches, and along the gradient."""

import random

import torch

from stillhouse_models.training.muon import Muon, orthogonalised


def test_singular_values_come_near_one_in_any_company() -> None:
    seed = random.randrange(2**32)
    generator = torch.Generator().manual_seed(seed)
    shapes = [(8, 24), (24, 8), (16, 16), (8, 24), (1, 5), (5, 1)]
    matrices = [
        torch.randn(shape, generator=generator) * scale for shape, scale in zip(shapes, (1, 1e-3, 50, 1, 1, 1), strict=True)
    ]
    together = orthogonalised(matrices)
    for matrix, found in zip(matrices, together, strict=True):
        assert found.shape == matrix.shape
        values = torch.linalg.svdvals(found)
        # The quintic's coefficients trade exactness for speed: it ends between about 0.7 and 1.2, small values later.
        assert values.max() < 1.3, f"seed {seed}"
        assert values.mean() > 0.5, f"seed {seed}"
        (alone,) = orthogonalised([matrix])
        assert torch.allclose(alone, found, atol=0.02), f"seed {seed}"
        assert (found * matrix).sum() > 0, f"seed {seed}"


def test_a_frozen_matrix_stays_and_the_others_go_down() -> None:
    torch.manual_seed(0)
    moved, frozen = torch.nn.Parameter(torch.randn(4, 3, 3, 3)), torch.nn.Parameter(torch.randn(4, 27))
    before = frozen.detach().clone()
    optimiser = Muon([moved, frozen], lr=0.2)
    first = moved.detach().norm()
    for _ in range(20):
        optimiser.zero_grad(set_to_none=True)
        (moved**2).sum().backward()
        optimiser.step()
    assert torch.equal(frozen, before)
    assert moved.detach().norm() < 0.7 * first


def test_nothing_to_do_is_no_fault() -> None:
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    Muon([parameter], lr=1.0).step()
    assert orthogonalised([]) == []
    assert torch.equal(parameter, torch.ones(2, 2))

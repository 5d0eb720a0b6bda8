"""Distribution matching distillation (Yin et al. 2024): the student's pictures move to where the teacher's are denser.

The direction is the difference of two answers to the student's own picture made noisy again: the teacher's, and that of a
copy of it which keeps learning what the student paints ("fake score").
"""

from torch import Tensor


def distribution_matching(painted: Tensor, teacher: Tensor, copy: Tensor) -> Tensor:
    """Clean pictures [B, 3, h, w]; half the squared distance to where the direction leads (the paper's equations 7 and 8).

    `teacher` and `copy` are answers to `painted` made noisy. Only `painted` has a gradient.
    """
    size = (painted - teacher).abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-5)
    target = (painted - (copy - teacher) / size).detach()
    return 0.5 * (painted - target).square().mean()

"""The student's own way down from pure noise, for lessons about what it makes of its earlier answers."""

import torch
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.training.sampling import sample, sigmas


def walked(noisy: Tensor, own: int, own_steps: int, student: Denoiser, context: Tensor, steps: int) -> Tensor:
    """`noisy` [B, 3, h, w] with its last `own` pictures taken `own_steps` down by the student as it is now; no gradient.

    `context` [B, L, C]; `steps` of the schedule that the student is trained for.
    """
    if not own or not own_steps:
        return noisy
    told, levels = context[-own:], sigmas(steps)[: own_steps + 1]
    reached = sample(lambda x, t: student.clean(x, t, told), noisy[-own:], levels)
    return torch.cat([noisy[:-own], reached]).contiguous(memory_format=torch.channels_last)

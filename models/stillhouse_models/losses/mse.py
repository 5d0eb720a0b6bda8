"""Squared error of clean pictures: "mse" against the guided teacher's answers, "truth" against the rendered pictures.

Against answers that were guided, it is guidance distillation (Meng et al. 2023): one evaluation does the work of two.
"""

from torch import Tensor


def mse(predicted: Tensor, wanted: Tensor, timestep: Tensor) -> Tensor:
    """Clean pictures [B, 3, h, w], timestep [B] (0..1000); weighted as in the teacher's training: less where all is noise."""
    error = (predicted - wanted).square().mean(dim=(1, 2, 3))
    return (error / (timestep / 1000).clamp(min=0.3)).mean()

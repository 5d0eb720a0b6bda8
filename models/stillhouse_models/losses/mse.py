"""Squared error of clean pictures: "mse" against the guided teacher's answers, "truth" against the rendered pictures.

Against answers that were guided, it is guidance distillation (Meng et al. 2023): one evaluation does the work of two.
"""

from torch import Tensor


def mse(predicted: Tensor, wanted: Tensor, timestep: Tensor) -> Tensor:
    """Clean pictures [B, 3, h, w], timestep [B] (0..1000); weighted as in the teacher's training: less where all is noise."""
    return _less_where_all_is_noise((predicted - wanted).square().mean(dim=(1, 2, 3)), timestep)


def edges(predicted: Tensor, wanted: Tensor, timestep: Tensor) -> Tensor:
    """The same of the differences between neighbouring pixels: an error at an edge weighs more than one in a plane."""
    error = predicted - wanted
    across, down = error.diff(dim=3).square().mean(dim=(1, 2, 3)), error.diff(dim=2).square().mean(dim=(1, 2, 3))
    return _less_where_all_is_noise(across + down, timestep)


def _less_where_all_is_noise(error: Tensor, timestep: Tensor) -> Tensor:
    return (error / (timestep / 1000).clamp(min=0.3)).mean()

"""What every block of a denoiser is told: how noisy its input is, and what the sentence says as a whole."""

import math

import torch
from torch import Tensor, nn


class Conditioning(nn.Module):
    rates: Tensor

    """timestep float32 [B] (0..1000) and context [B, L, C] -> [B, width]."""

    def __init__(self, context_channels: int, width: int, frequencies: int = 64):
        super().__init__()
        # Sinusoidal features as in "Attention is all you need", for times 0..1000.
        self.register_buffer("rates", torch.exp(-math.log(10_000.0) * torch.arange(frequencies) / frequencies), persistent=False)
        self.time = nn.Sequential(nn.Linear(2 * frequencies, width), nn.SiLU(), nn.Linear(width, width))
        self.text = nn.Linear(context_channels, width)

    def forward(self, timestep: Tensor, context: Tensor) -> Tensor:
        angles = timestep[:, None].float() * self.rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=1)
        return nn.functional.silu(self.time(waves) + self.text(context[:, 0]))

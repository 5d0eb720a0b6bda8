"""MobileNetV3UNet: the blocks of MobileNetV3 (Howard et al. 2019, figure 4), unchanged in order and proportions.

Expansion, normalisation, hard-swish; depthwise 3x3, normalisation, hard-swish; squeeze-and-excitation to a quarter of the
expanded channels with a hard sigmoid; a linear projection, normalised; the residual only where the widths agree. Two
things a denoiser needs differ: the normalisation is by groups, because a batch mixes noise levels whose statistics have
nothing in common, and after the expansion it is scaled and shifted by noise level and caption (Perez et al. 2018).
LiteUNet is the looser relative: normalised first, one normalisation a block, a residual everywhere.
"""

from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.patch_unet import PatchUNet, groups_for

EXPANSION = 4
SQUEEZE = 4
DIVISOR = 8


def divisible(channels: float) -> int:
    """The nearest multiple of eight, at least eight and never more than a tenth below, as in the paper's own networks."""
    nearest = max(DIVISOR, int(channels + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= 0.9 * channels else nearest + DIVISOR


class SqueezeExcite(nn.Module):
    """Weighs each channel by a gate in 0..1 that sees all channels' means; [B, C, h, w] -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        inner = divisible(channels / SQUEEZE)
        self.squeeze, self.excite = nn.Linear(channels, inner), nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.excite(nn.functional.relu(self.squeeze(x.mean(dim=(2, 3)))))
        return x * nn.functional.hardsigmoid(gate)[:, :, None, None]


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int):
        super().__init__()
        inner = EXPANSION * inputs
        self.widen, self.norm_wide = nn.Conv2d(inputs, inner, 1, bias=False), nn.GroupNorm(groups_for(inner), inner)
        self.modulation = nn.Linear(condition, 2 * inner)
        self.filter = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.norm_filtered = nn.GroupNorm(groups_for(inner), inner)
        self.gate = SqueezeExcite(inner)
        self.narrow, self.norm = nn.Conv2d(inner, outputs, 1, bias=False), nn.GroupNorm(groups_for(outputs), outputs)
        self.residual = inputs == outputs
        if self.residual:
            # Such a block starts as the identity (Goyal et al. 2017).
            nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        h = nn.functional.hardswish(self.norm_wide(self.widen(x)) * (1 + scale) + shift)
        h = self.gate(nn.functional.hardswish(self.norm_filtered(self.filter(h))))
        h = self.norm(self.narrow(h))
        return x + h if self.residual else h


class MobileNetV3UNet(Denoiser):
    """sample float32 [B, in, side, side], timestep float32 [B] (0..1000), context [B, L, C] -> velocity, like sample."""

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        channels: list[int] | tuple[int, ...] = (32, 64, 128),
        num_res_blocks: int = 2,
        context_channels: int = 128,
        sample_size: int = 64,
        patch: int = 4,
        pixel_channels: int = 8,
        attention: str = "full",
        positions: str = "learned",
    ):
        super().__init__()
        self.body = PatchUNet(
            Bottleneck, in_channels, out_channels, list(channels), num_res_blocks,
            context_channels, sample_size, patch, pixel_channels, spread_kernel=1, attention=attention,
            interpolated=positions == "interpolated",
        )  # fmt: skip

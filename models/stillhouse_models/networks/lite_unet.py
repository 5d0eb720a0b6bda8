"""LiteUNet, the student: MobileNetV3's inverted residuals (Howard et al. 2019) in the place of 3x3 convolutions.

Each block widens with a 1x1 convolution, filters every channel by itself (depthwise), weighs the channels by
squeeze-and-excitation, and narrows again; activations are hard-swish, which costs a device no exponential.
"""

from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.patch_unet import PatchUNet, groups_for

EXPANSION = 4
SQUEEZE = 8


class SqueezeExcite(nn.Module):
    """Weighs each channel by a gate in 0..1 that sees all channels' means; [B, C, h, w] -> the same."""

    def __init__(self, channels: int, condition: int):
        super().__init__()
        inner = max(8, channels // SQUEEZE)
        self.squeeze, self.told, self.excite = nn.Linear(channels, inner), nn.Linear(condition, inner), nn.Linear(inner, channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        # The caption and the noise level have a say in which channels matter.
        gate = self.excite(nn.functional.relu(self.squeeze(x.mean(dim=(2, 3))) + self.told(condition)))
        return x * nn.functional.hardsigmoid(gate)[:, :, None, None]


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int):
        super().__init__()
        inner = EXPANSION * outputs
        self.norm = nn.GroupNorm(groups_for(inputs), inputs)
        self.modulation = nn.Linear(condition, 2 * inputs)
        self.widen = nn.Conv2d(inputs, inner, 1)
        self.filter = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.gate = SqueezeExcite(inner, condition)
        self.narrow = nn.Conv2d(inner, outputs, 1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        h = nn.functional.hardswish(self.widen(self.norm(x) * (1 + scale) + shift))
        h = self.gate(nn.functional.hardswish(self.filter(h)), condition)
        return self.skip(x) + self.narrow(h)


class LiteUNet(Denoiser):
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
            InvertedResidual, in_channels, out_channels, list(channels), num_res_blocks,
            context_channels, sample_size, patch, pixel_channels, spread_kernel=1, attention=attention,
            interpolated=positions == "interpolated",
        )  # fmt: skip

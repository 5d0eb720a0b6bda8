"""SeparableUNet: the teacher's residual blocks with every 3x3 convolution made depthwise-separable (Chollet 2017).

One 3x3 filter a channel, then a 1x1 that mixes the channels: about a ninth of the weights. The blocks keep the teacher's
order of operations, so that each of its convolutions has one here that can begin as its nearest separable one.
"""

from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.patch_unet import PatchUNet, groups_for


class SeparableConv(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.filter = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.point = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point(self.filter(x))


class SeparableBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups_for(inputs), inputs), SeparableConv(inputs, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(groups_for(outputs), outputs), SeparableConv(outputs, outputs)
        self.modulation = nn.Linear(condition, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.point.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(nn.functional.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class SeparableUNet(Denoiser):
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
            SeparableBlock, in_channels, out_channels, list(channels), num_res_blocks,
            context_channels, sample_size, patch, pixel_channels, spread_kernel=1, attention=attention,
            interpolated=positions == "interpolated",
        )  # fmt: skip

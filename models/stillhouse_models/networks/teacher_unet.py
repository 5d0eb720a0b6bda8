"""The teacher: a text-conditioned U-Net on patches of pixels that predicts the clean picture.

Flow matching: x_t = (1 - t) * x0 + t * noise (Liu et al. 2022, Lipman et al. 2022); the network says x0, and the
velocity noise - x0 = (x_t - x0) / t follows from it.
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from stillhouse_models.networks.attention import SpatialTransformer
from stillhouse_models.networks.conditioning import Conditioning

GROUPS = 16


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(condition, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(nn.functional.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class Level(nn.Module):
    """Residual blocks at one resolution, each followed by attention."""

    def __init__(self, inputs: list[int], outputs: int, condition: int, context: int, side: int, mix_positions: bool):
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(i, outputs, condition) for i in inputs)
        self.attention = SpatialTransformer(outputs, context, side, max(1, outputs // 64), mix_positions)

    def forward(self, x: Tensor, condition: Tensor, context: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, condition)
        return self.attention(x, context)


class PixelHead(nn.Module):
    """Patches back to pixels; the last convolutions run at full resolution, so that no patch border shows."""

    def __init__(self, channels: int, in_channels: int, out_channels: int, patch: int, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.spread = nn.Conv2d(channels, width * patch * patch, 3, padding=1)
        self.shuffle = nn.PixelShuffle(patch)
        self.blend = nn.Conv2d(width + in_channels, width, 3, padding=1)
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, h: Tensor, sample: Tensor) -> Tensor:
        pixels = self.shuffle(self.spread(nn.functional.silu(self.norm(h))))
        return self.out(nn.functional.silu(self.blend(torch.cat([pixels, sample.to(pixels.dtype)], dim=1))))


class TeacherUNet(ModelMixin, ConfigMixin):
    """sample float32 [B, in, side, side], timestep float32 [B] (0..1000), context [B, L, C] -> velocity, like sample."""

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        channels: list[int] | tuple[int, ...] = (128, 256, 512),
        num_res_blocks: int = 1,
        context_channels: int = 128,
        sample_size: int = 64,
        patch: int = 4,
        pixel_channels: int = 16,
    ):
        super().__init__()
        condition = 2 * channels[0]
        sides = [sample_size // patch // 2**i for i in range(len(channels))]
        self.conditioning = Conditioning(context_channels, condition)
        # Overlapping patches: each sees half of its neighbours.
        self.stem = nn.Conv2d(in_channels, channels[0], 2 * patch, patch, patch // 2)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        width = channels[0]
        for index, (outputs, side) in enumerate(zip(channels, sides, strict=True)):
            inputs = [width] + [outputs] * (num_res_blocks - 1)
            self.down.append(Level(inputs, outputs, condition, context_channels, side, mix_positions=index > 0))
            self.shrink.append(nn.Conv2d(outputs, outputs, 3, 2, 1) if index < len(channels) - 1 else nn.Identity())
            width = outputs
        self.middle = ResidualBlock(width, width, condition)
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for index, (outputs, side) in reversed(list(enumerate(zip(channels, sides, strict=True)))):
            inputs = [width + outputs] + [outputs] * (num_res_blocks - 1)
            self.up.append(Level(inputs, outputs, condition, context_channels, side, mix_positions=index > 0))
            narrower = channels[max(0, index - 1)]
            self.grow.append(nn.Conv2d(outputs, narrower, 3, padding=1) if index else nn.Identity())
            width = narrower
        self.head = PixelHead(channels[0], in_channels, out_channels, patch, pixel_channels)

    def clean(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        """The picture without its noise, as the network sees it."""
        condition = self.conditioning(timestep, encoder_hidden_states)
        h = self.stem(sample)
        kept = []
        for level, shrink in zip(self.down, self.shrink, strict=True):
            h = level(h, condition, encoder_hidden_states)
            kept.append(h)
            h = shrink(h)
        h = self.middle(h, condition)
        last = len(self.up) - 1
        for index, (level, grow) in enumerate(zip(self.up, self.grow, strict=True)):
            h = level(torch.cat([h, kept.pop()], dim=1), condition, encoder_hidden_states)
            if index < last:
                h = grow(nn.functional.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.head(h, sample)

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        return (sample - self.clean(sample, timestep, encoder_hidden_states)) / (timestep / 1000).view(-1, 1, 1, 1)

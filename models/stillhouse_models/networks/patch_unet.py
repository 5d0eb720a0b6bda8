"""The U-Net that every family shares: patches of pixels in, the clean picture out, attention to the caption at each level.

A family brings its own residual block; its file says what that block is.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from stillhouse_models.networks.attention import SpatialTransformer, mixing
from stillhouse_models.networks.conditioning import Conditioning

# (inputs, outputs, condition width) -> a module called as block(x [B, inputs, h, w], condition [B, width]).
MakeBlock = Callable[[int, int, int], nn.Module]
HEAD_CHANNELS = 64


def groups_for(channels: int) -> int:
    return next(groups for groups in (16, 8, 4, 2, 1) if channels % groups == 0)


class Level(nn.Module):
    """Residual blocks at one resolution, then attention."""

    def __init__(self, blocks: list[nn.Module], attention: SpatialTransformer):
        super().__init__()
        self.blocks, self.attention = nn.ModuleList(blocks), attention

    def forward(self, x: Tensor, condition: Tensor, context: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, condition)
        return self.attention(x, context)


class PixelHead(nn.Module):
    """Patches back to pixels; the last convolutions run at full resolution, so that no patch border shows."""

    def __init__(self, channels: int, in_channels: int, out_channels: int, patch: int, width: int, kernel: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups_for(channels), channels)
        self.spread = nn.Conv2d(channels, width * patch * patch, kernel, padding=kernel // 2)
        self.shuffle = nn.PixelShuffle(patch)
        self.blend = nn.Conv2d(width + in_channels, width, 3, padding=1)
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, h: Tensor, sample: Tensor) -> Tensor:
        pixels = self.shuffle(self.spread(nn.functional.silu(self.norm(h))))
        return self.out(nn.functional.silu(self.blend(torch.cat([pixels, sample.to(pixels.dtype)], dim=1))))


class PatchUNet(nn.Module):
    """sample float32 [B, in, side, side], timestep float32 [B] (0..1000), context [B, L, C] -> clean picture, like sample."""

    def __init__(
        self,
        make_block: MakeBlock,
        in_channels: int,
        out_channels: int,
        channels: list[int],
        num_res_blocks: int,
        context_channels: int,
        sample_size: int,
        patch: int,
        pixel_channels: int,
        spread_kernel: int,
        attention: str = "full",
        interpolated: bool = False,
    ):
        super().__init__()
        condition = 2 * channels[0]
        sides = [sample_size // patch // 2**i for i in range(len(channels))]
        self.conditioning = Conditioning(context_channels, condition)
        # Overlapping patches: each sees half of its neighbours.
        self.stem = nn.Conv2d(in_channels, channels[0], 2 * patch, patch, patch // 2)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()

        def level(first: int, index: int, up: bool) -> Level:
            outputs = channels[index]
            blocks = [make_block(first if i == 0 else outputs, outputs, condition) for i in range(num_res_blocks)]
            heads = max(1, outputs // HEAD_CHANNELS)
            # Positions see each other only on the coarser grids, where it is cheap.
            mix = mixing(attention, outputs, heads, sides[index], shifted=up) if index else None
            return Level(
                blocks, SpatialTransformer(outputs, context_channels, sides[index], heads, mix, interpolated=interpolated)
            )

        width = channels[0]
        for index, outputs in enumerate(channels):
            self.down.append(level(width, index, up=False))
            last = index == len(channels) - 1
            self.shrink.append(nn.Identity() if last else nn.Conv2d(outputs, outputs, 3, 2, 1))
            width = outputs
        self.middle = make_block(width, width, condition)
        for index, outputs in reversed(list(enumerate(channels))):
            self.up.append(level(width + outputs, index, up=True))
            # A 1x1 before the enlargement costs a quarter of the same after it, and commutes with it.
            width = channels[max(0, index - 1)]
            self.grow.append(nn.Conv2d(outputs, width, 1) if index else nn.Identity())
        self.head = PixelHead(channels[0], in_channels, out_channels, patch, pixel_channels, spread_kernel)

    def forward(self, sample: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        return self.head(self.features(sample, timestep, context)[-1], sample)

    def features(self, sample: Tensor, timestep: Tensor, context: Tensor) -> list[Tensor]:
        """The output of every level, going down and then up."""
        condition = self.conditioning(timestep, context)
        h, outputs = self.stem(sample), []
        for level, shrink in zip(self.down, self.shrink, strict=True):
            outputs.append(level(h, condition, context))
            h = shrink(outputs[-1])
        h = self.middle(h, condition)
        kept = outputs.copy()
        for level, grow in zip(self.up, self.grow, strict=True):
            outputs.append(level(torch.cat([h, kept.pop()], dim=1), condition, context))
            h = outputs[-1]
            if kept:
                h = nn.functional.interpolate(grow(h), scale_factor=2.0, mode="nearest")
        return outputs

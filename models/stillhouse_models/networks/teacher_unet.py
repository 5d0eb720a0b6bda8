"""The teacher: ordinary residual blocks of two 3x3 convolutions."""

from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.patch_unet import PatchUNet, groups_for


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups_for(inputs), inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(groups_for(outputs), outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(condition, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        # A block starts as the identity, which keeps the first steps calm.
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(nn.functional.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class TeacherUNet(Denoiser):
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
        self.body = PatchUNet(
            ResidualBlock, in_channels, out_channels, list(channels), num_res_blocks,
            context_channels, sample_size, patch, pixel_channels, spread_kernel=3,
        )  # fmt: skip

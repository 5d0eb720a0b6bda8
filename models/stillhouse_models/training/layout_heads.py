"""Asks a denoiser, while it learns, which concept it puts where.

A 1x1 head on an inner level names the concept that covers each position; its cross-entropy reaches the text encoder and
the attention directly, long before the pixels tell two objects apart. Supervising inner features beside the picture is
REPA's idea (Yu et al. 2025); a rendered scene knows the answer exactly, so no other network is needed. Only training
uses the heads.
"""

import numpy as np
import torch
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.patch_unet import groups_for
from stillhouse_models.sources.layout import layout
from stillhouse_models.sources.scene import Scene
from stillhouse_models.sources.sprites import SpriteSet


class LayoutHeads(nn.Module):
    """On the two finest levels of the way up. features as `clean_and_features` gives them -> mean cross-entropy."""

    def __init__(self, sprites: SpriteSet, unet: Denoiser):
        super().__init__()
        self.sprites = sprites
        channels, patch = unet.config["channels"], unet.config["patch"]
        classes = 1 + len(sprites.concepts)
        self.heads = nn.ModuleList(head(width, classes) for width in (channels[1], channels[0]))
        finest = sprites.resolution // patch
        self.cells = (finest // 2, finest)

    def forward(self, features: list[Tensor], scenes: list[Scene], told: list[bool]) -> Tensor:
        """`told[i]`: whether picture i came with its caption; the others are not asked."""
        device = features[-1].device
        asked = torch.tensor(told).to(device)
        wanted = np.stack([layout(self.sprites, scene, self.cells[1]) for scene in scenes])
        total = torch.zeros((), device=device)
        for name, cells, feature in zip(self.heads, self.cells, features[-2:], strict=True):
            stride = self.cells[1] // cells
            answers = torch.from_numpy(wanted[:, stride // 2 :: stride, stride // 2 :: stride]).to(device)
            total = total + nn.functional.cross_entropy(name(feature[asked]).float(), answers[asked])
        return total / len(self.heads)


def head(channels: int, classes: int) -> nn.Sequential:
    """Normalised and from zero: an answer at random would shake a network that already knows something."""
    names = nn.Conv2d(channels, classes, 1)
    for parameter in names.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(nn.GroupNorm(groups_for(channels), channels), names)

"""Attention of picture positions to each other and to the words of the caption."""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """queries [B, N, width], context [B, M, context_width] -> [B, N, width]."""

    def __init__(self, width: int, context_width: int, heads: int, inner: int | None = None):
        super().__init__()
        inner = inner or width
        self.heads = heads
        self.query = nn.Linear(width, inner, bias=False)
        self.key_value = nn.Linear(context_width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.query(x).view(batch, length, self.heads, -1).transpose(1, 2)
        k, v = self.key_value(context).view(batch, context.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, -1))


class SpatialTransformer(nn.Module):
    """Cross-attention to the words, self-attention where `mix_positions`, and a small network for each position.

    x [B, channels, side, side] -> the same shape.
    """

    def __init__(self, channels: int, context_channels: int, side: int, heads: int, mix_positions: bool, expansion: int = 2):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(side * side, channels) * 0.02)
        self.norm_cross, self.cross = nn.LayerNorm(channels), Attention(channels, context_channels, heads)
        self.norm_self = nn.LayerNorm(channels) if mix_positions else None
        self.mix = Attention(channels, channels, heads) if mix_positions else None
        self.norm_feed = nn.LayerNorm(channels)
        self.feed = nn.Sequential(nn.Linear(channels, expansion * channels), nn.GELU(), nn.Linear(expansion * channels, channels))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = x.flatten(2).transpose(1, 2) + self.positions
        flat = flat + self.cross(self.norm_cross(flat), context)
        if self.mix is not None and self.norm_self is not None:
            normal = self.norm_self(flat)
            flat = flat + self.mix(normal, normal)
        flat = flat + self.feed(self.norm_feed(flat))
        return flat.transpose(1, 2).reshape(batch, channels, height, width)

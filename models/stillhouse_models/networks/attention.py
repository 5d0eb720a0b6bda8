"""Attention of picture positions to each other and to the words of the caption.

Every kind has the same weights under the same names; they differ in which positions see each other, and at what cost.
"""

import torch
from torch import Tensor, nn

KINDS = ("full", "linear", "windowed")
# Windows are the smallest divisor of the grid's side that is at least this, so that 8x8 falls into four and 4x4 stays whole.
WINDOW = 4


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
        return self.out(self.mixed(q, k, v).transpose(1, 2).reshape(batch, length, -1))

    def mixed(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(q, k, v)


class LinearAttention(Attention):
    """Katharopoulos et al. 2020: phi(q) (phi(k)^T v) with phi = elu + 1; N positions cost N * d^2 instead of N^2 * d."""

    def mixed(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k = nn.functional.elu(q) + 1, nn.functional.elu(k) + 1
        # The mean instead of the sum keeps numbers near one, at any number of positions and in half precision.
        summary = k.transpose(2, 3) @ v / k.shape[2]
        weight = q @ k.mean(dim=2)[..., None]
        return q @ summary / weight


class WindowedAttention(Attention):
    """Liu et al. 2021 (Swin): positions of a square grid see their own window only, on the way up with windows shifted by half.

    What a shift brings together from two ends of the grid does not see each other.
    """

    apart: Tensor

    def __init__(self, width: int, context_width: int, heads: int, side: int, shifted: bool):
        super().__init__(width, context_width, heads)
        self.side = side
        self.window = next(size for size in range(min(WINDOW, side), side + 1) if side % size == 0)
        self.shift = self.window // 2 if shifted and self.window < side else 0
        self.register_buffer("apart", self._apart(), persistent=False)

    def mixed(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        batch, heads = q.shape[:2]
        q, k, v = (self._windows(x) for x in (q, k, v))
        mask = self.apart.to(q.dtype) if self.shift else None
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self._grid(mixed, batch, heads)

    def _windows(self, x: Tensor) -> Tensor:
        """[B, heads, side * side, d] -> [B, heads, windows, window * window, d]."""
        batch, heads, _, d = x.shape
        count = self.side // self.window
        grid = x.reshape(batch * heads, self.side, self.side, d).roll((-self.shift, -self.shift), dims=(1, 2))
        cut = grid.reshape(batch * heads, count, self.window, count, self.window, d).transpose(2, 3)
        return cut.reshape(batch, heads, count * count, self.window**2, d)

    def _grid(self, x: Tensor, batch: int, heads: int) -> Tensor:
        d, count = x.shape[-1], self.side // self.window
        cut = x.reshape(batch * heads, count, count, self.window, self.window, d).transpose(2, 3)
        grid = cut.reshape(batch * heads, self.side, self.side, d).roll((self.shift, self.shift), dims=(1, 2))
        return grid.reshape(batch, heads, self.side**2, d)

    def _apart(self) -> Tensor:
        """[windows, positions, positions]: 0 where two positions of a window are near in the grid too, else minus infinity."""
        line = (torch.arange(self.side) < self.shift).long()
        region = (line[:, None] * 2 + line[None, :]).reshape(1, 1, self.side**2, 1)
        cut = self._windows(region)[0, 0, :, :, 0]
        return torch.where(cut[:, :, None] == cut[:, None, :], 0.0, float("-inf"))


def mixing(kind: str, width: int, heads: int, side: int, shifted: bool) -> Attention:
    """Self-attention over a grid of side x side positions."""
    if kind == "full":
        return Attention(width, width, heads)
    if kind == "linear":
        return LinearAttention(width, width, heads)
    if kind == "windowed":
        return WindowedAttention(width, width, heads, side, shifted)
    raise ValueError(f"unknown attention {kind!r}; known: {list(KINDS)}")


class SpatialTransformer(nn.Module):
    """Cross-attention to the words, self-attention where there is `mix`, and a small network for each position.

    x [B, channels, side, side] -> the same shape. `interpolated`: of any height and width, with the learned positions of the
    trained grid stretched over it.
    """

    def __init__(
        self, channels: int, context_channels: int, side: int, heads: int, mix: Attention | None, expansion: int = 2,
        interpolated: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.side, self.interpolated = side, interpolated
        self.positions = nn.Parameter(torch.randn(side * side, channels) * 0.02)
        self.norm_cross, self.cross = nn.LayerNorm(channels), Attention(channels, context_channels, heads)
        self.norm_self = nn.LayerNorm(channels) if mix else None
        self.mix = mix
        self.norm_feed = nn.LayerNorm(channels)
        self.feed = nn.Sequential(nn.Linear(channels, expansion * channels), nn.GELU(), nn.Linear(expansion * channels, channels))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = x.flatten(2).transpose(1, 2) + self._placed(height, width)
        flat = flat + self.cross(self.norm_cross(flat), context)
        if self.mix is not None and self.norm_self is not None:
            normal = self.norm_self(flat)
            flat = flat + self.mix(normal, normal)
        flat = flat + self.feed(self.norm_feed(flat))
        return flat.transpose(1, 2).reshape(batch, channels, height, width)

    def _placed(self, height: int, width: int) -> Tensor:
        """[height * width, channels], or one more axis before. At the trained size exactly what was learned."""
        # A graph has to ask at each run.
        if not self.interpolated or ((height, width) == (self.side, self.side) and not torch.jit.is_tracing()):
            return self.positions
        grid = self.positions.T.reshape(1, -1, self.side, self.side)
        stretched = nn.functional.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
        return stretched.flatten(2).transpose(1, 2)

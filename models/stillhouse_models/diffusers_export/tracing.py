"""What the TorchScript tracer needs to be told so that a graph's sizes stay free.

`tensor.shape[-2:]` and `x.reshape(*x.shape[:-1], -1, 2)` give the tracer constants: slicing a `torch.Size` drops what was
traced. While a graph is traced, `shape` is therefore a plain tuple of the traced sizes.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.transformers import transformer_flux
from torch import Tensor
from torch.nn import functional


def _rms_norm(values: Tensor, sizes: list[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """`torch.nn.functional.rms_norm` in operators that ONNX has."""
    axes = list(range(-len(sizes), 0))
    least = torch.finfo(values.dtype).eps if eps is None else eps
    normed = values * torch.rsqrt(values.pow(2).mean(axes, keepdim=True) + least)
    return normed if weight is None else normed * weight


def _repeat_interleave(values: Tensor, repeats: int, dim: int, output_size: int | None = None) -> Tensor:
    """`torch.Tensor.repeat_interleave`, whose own translation keeps the traced sizes."""
    axis = dim % values.dim()
    return torch.stack([values] * repeats, dim=axis + 1).flatten(axis, axis + 1)


def _rotary(x: Tensor, freqs_cis: tuple[Tensor, Tensor], sequence_dim: int = 2, **_: object) -> Tensor:
    """Flux's rotary embedding by slices: its own reshape freezes the sum of words and patches."""
    cos, sin = (part[None, :, None, :] if sequence_dim == 1 else part[None, None, :, :] for part in freqs_cis)
    rotated = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return (x.float() * cos + rotated.float() * sin).to(x.dtype)


def _by_heads(whole: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`scaled_dot_product_attention` a head at a time: 8 heads over 64x64 latents would take 537 MB of scores at once."""

    def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **more: Any) -> Tensor:
        if attn_mask is not None or more.get("is_causal"):
            # Text encoders: a few dozen words.
            return whole(query, key, value, attn_mask=attn_mask, **more)
        scale = more.get("scale") or 1 / math.sqrt(query.shape[-1])
        heads = []
        for head in range(query.size(1)):
            scores = torch.matmul(query[:, head] * scale, key[:, head].transpose(-2, -1))
            heads.append(torch.matmul(scores.softmax(-1), value[:, head]))
        return torch.stack(heads, dim=1)

    return attention


class _Shape(tuple[int, ...]):
    def numel(self) -> int:
        return math.prod(self)


@contextmanager
def traceable(*, by_heads: bool = False) -> Iterator[None]:
    """Within, slices of shapes are traced like single sizes, and RMS norms are written out.

    `by_heads` computes attention a head at a time, for devices that lack the memory for all of its scores.
    """
    rotary, transformer_flux.apply_rotary_emb = transformer_flux.apply_rotary_emb, _rotary
    original, rms_norm, repeat = torch.Tensor.shape, functional.rms_norm, torch.Tensor.repeat_interleave
    torch.Tensor.repeat_interleave = _repeat_interleave  # type: ignore[assignment]
    functional.rms_norm = _rms_norm  # type: ignore[assignment]
    attention = functional.scaled_dot_product_attention
    if by_heads:
        functional.scaled_dot_product_attention = _by_heads(attention)
    torch.Tensor.shape = property(lambda tensor: _Shape(tensor.size(i) for i in range(tensor.dim())))  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.Tensor.shape = original
        functional.rms_norm = rms_norm
        functional.scaled_dot_product_attention = attention
        transformer_flux.apply_rotary_emb = rotary
        torch.Tensor.repeat_interleave = repeat  # type: ignore[method-assign]

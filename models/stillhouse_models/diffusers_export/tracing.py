"""What the TorchScript tracer needs to be told so that a graph's sizes stay free.

`tensor.shape[-2:]` and `x.reshape(*x.shape[:-1], -1, 2)` give the tracer constants: slicing a `torch.Size` drops what was
traced. While a graph is traced, `shape` is therefore a plain tuple of the traced sizes.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from diffusers.models.transformers import transformer_flux
from torch import Tensor
from torch.nn import functional

HEADS_FIRST = [0, 2, 1, 3]
_WHOLE = functional.scaled_dot_product_attention


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


def _by_sizes(chunk: Callable[..., tuple[Tensor, ...]]) -> Callable[..., tuple[Tensor, ...]]:
    """`torch.Tensor.chunk` of the last axis, whose size is a layer's and no picture's, as one `Split`, not a `Slice` for each."""

    def chunked(values: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        size, rest = divmod(int(values.size(-1)), chunks)
        if dim not in (-1, values.dim() - 1) or rest:
            return chunk(values, chunks, dim)
        return values.split([size] * chunks, dim=-1)

    return chunked


def _rotary(x: Tensor, freqs_cis: tuple[Tensor, Tensor], sequence_dim: int = 2, **_: object) -> Tensor:
    """Flux's rotary embedding by slices: its own reshape freezes the sum of words and patches."""
    cos, sin = (part[None, :, None, :] if sequence_dim == 1 else part[None, None, :, :] for part in freqs_cis)
    rotated = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return (x.float() * cos + rotated.float() * sin).to(x.dtype)


class _MultiHeadAttention(torch.autograd.Function):
    """ONNX Runtime's own operator, which takes and gives `[N, length, heads * head]`."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, heads: int, scale: float) -> Tensor:
        return _WHOLE(query, key, value, scale=scale)

    @staticmethod
    def symbolic(g: Any, query: Any, key: Any, value: Any, heads: int, scale: float) -> Any:
        def reshaped(values: Any, sizes: list[int]) -> Any:
            return g.op("Reshape", values, g.op("Constant", value_t=torch.tensor(sizes)))

        def joined(values: Any) -> Any:
            apart = _turned_from(values)
            if apart is None:
                return reshaped(g.op("Transpose", values, perm_i=HEADS_FIRST), [0, 0, -1])
            # What a layer gave was only taken apart to be turned.
            whole = next(apart.node().inputs()) if apart.node().kind() == "onnx::Reshape" else None
            return whole if whole is not None and _is_of_linear_layer(whole) else reshaped(apart, [0, 0, -1])

        inputs = [joined(values) for values in (query, key, value)]
        out = g.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=heads, scale_f=scale)
        out = g.op("Transpose", reshaped(out, [0, 0, heads, -1]), perm_i=HEADS_FIRST)
        # A rank and no sizes: with the query's own type the traced sizes would be folded into all that follows.
        return out.setType(query.type().with_sizes([None, heads, None, None]))


def _turned_from(values: Any) -> Any:
    """`[N, length, heads, head]` where the values come of it by turning alone, else None."""
    node = values.node()
    # An attribute is read by `is`, a word of Python's own.
    turned = node.kind() == "onnx::Transpose" and getattr(node, "is")("perm") == HEADS_FIRST
    return next(node.inputs()) if turned else None


def _is_of_linear_layer(values: Any) -> bool:
    """And so `[N, length, heads * head]`: a product of matrices, with or without a bias."""
    node = values.node()
    made_by = [node.kind(), *(given.node().kind() for given in node.inputs() if node.kind() == "onnx::Add")]
    return "onnx::MatMul" in made_by


def _fused(whole: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`scaled_dot_product_attention` as one operator of ONNX Runtime, where nothing is masked and no heads are shared."""

    def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **more: Any) -> Tensor:
        if _is_masked(query, key, attn_mask, more):
            return whole(query, key, value, attn_mask=attn_mask, **more)
        heads, width = int(query.size(1)), int(query.size(-1))
        return _MultiHeadAttention.apply(query, key, value, heads, more.get("scale") or 1 / math.sqrt(width))

    return attention


def _is_masked(query: Tensor, key: Tensor, attn_mask: Tensor | None, more: dict[str, Any]) -> bool:
    """Or its heads share keys, which the operator does not know either."""
    return attn_mask is not None or bool(more.get("is_causal")) or int(key.size(1)) != int(query.size(1))


def _by_heads(whole: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """As `_fused`, a head at a time: where the operator holds scores, 8 heads over 64x64 latents would take 537 MB at once."""

    def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **more: Any) -> Tensor:
        if _is_masked(query, key, attn_mask, more):
            # Text encoders: a few dozen words.
            return whole(query, key, value, attn_mask=attn_mask, **more)
        scale = more.get("scale") or 1 / math.sqrt(query.shape[-1])
        heads = zip(*(each.split(1, dim=1) for each in (query, key, value)), strict=True)
        return torch.cat([_MultiHeadAttention.apply(*head, 1, scale) for head in heads], dim=1)

    return attention


Attention = Literal["plain", "by heads", "fused"]
ATTENTIONS: dict[Attention, Callable[[Callable[..., Tensor]], Callable[..., Tensor]]] = {
    "plain": lambda whole: whole,
    "by heads": _by_heads,
    "fused": _fused,
}


class _Shape(tuple[int, ...]):
    def numel(self) -> int:
        return math.prod(self)


@contextmanager
def traceable(*, attention: Attention = "plain") -> Iterator[None]:
    """Within, slices of shapes are traced like single sizes, and RMS norms are written out.

    Attention is written out, fused into ONNX Runtime's own operator, or that a head at a time (for devices that lack the
    memory for all of its scores).
    """
    rotary, transformer_flux.apply_rotary_emb = transformer_flux.apply_rotary_emb, _rotary
    original, rms_norm, repeat = torch.Tensor.shape, functional.rms_norm, torch.Tensor.repeat_interleave
    chunk, torch.Tensor.chunk = torch.Tensor.chunk, _by_sizes(torch.Tensor.chunk)  # type: ignore[method-assign]
    torch.Tensor.repeat_interleave = _repeat_interleave  # type: ignore[assignment]
    functional.rms_norm = _rms_norm  # type: ignore[assignment]
    whole = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = ATTENTIONS[attention](whole)
    torch.Tensor.shape = property(lambda tensor: _Shape(tensor.size(i) for i in range(tensor.dim())))  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.Tensor.shape = original
        functional.rms_norm = rms_norm
        functional.scaled_dot_product_attention = whole
        transformer_flux.apply_rotary_emb = rotary
        torch.Tensor.repeat_interleave = repeat  # type: ignore[method-assign]
        torch.Tensor.chunk = chunk  # type: ignore[method-assign]

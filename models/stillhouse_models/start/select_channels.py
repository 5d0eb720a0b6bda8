"""A teacher's weights with only the channels that matter most: a plain U-Net as narrow as a student."""

import torch
from torch import Tensor

from stillhouse_models.start.spaces import Axes, Axis, Segment

Kept = dict[str, Tensor]


def kept_channels(importance: dict[str, Tensor], teacher: Axes, student: Axes) -> Kept:
    """Space -> the teacher's channels that stay, int64, in their old order. Where both have as many: all of them."""
    wide, narrow = _spaces(teacher), _spaces(student)
    return {space: _keep(space, importance, wide[space], segment) for space, segment in narrow.items() if space in wide}


def narrowed(state: dict[str, Tensor], kept: Kept, teacher: Axes, student: Axes) -> dict[str, Tensor]:
    """The weights that both have, cut down to the student's widths; queries keep the size of their answers."""
    out = {}
    for name, axes in student.items():
        if name not in state:
            continue
        weight = state[name]
        for dimension, axis in enumerate(teacher[name]):
            if axis:
                weight = weight.index_select(dimension, _indices(axis, kept))
        out[name] = weight * _query_scale(teacher[name][0], axes[0]) if name.endswith("query.weight") else weight.clone()
    return out


def _spaces(axes: Axes) -> dict[str, Segment]:
    segments = (segment for each in axes.values() for axis in each for segment in axis)
    return {segment.space: segment for segment in segments if segment.space is not None}


def _keep(space: str, importance: dict[str, Tensor], wide: Segment, narrow: Segment) -> Tensor:
    scores = importance[space]
    each_wide, each_narrow = wide.size // wide.heads, narrow.size // narrow.heads
    if narrow.heads > wide.heads or each_narrow > each_wide:
        # Heads that are wider than the teacher's cannot be whole heads of it.
        return _best(scores, narrow.size)
    # Queries, keys and values of one head stay or go together.
    rivals = [name for name in importance if name.rpartition(".")[0] == space.rpartition(".")[0]] if wide.heads > 1 else [space]
    of_heads = torch.stack([importance[name].reshape(wide.heads, -1).sum(dim=1) for name in rivals]).sum(dim=0)
    rows = scores.reshape(wide.heads, each_wide)
    return torch.cat([head * each_wide + _best(rows[head], each_narrow) for head in _best(of_heads, narrow.heads).tolist()])


def _best(scores: Tensor, count: int) -> Tensor:
    return scores.topk(count).indices.sort().values


def _indices(axis: Axis, kept: Kept) -> Tensor:
    offset, parts = 0, []
    for segment in axis:
        channels = torch.arange(segment.size) if segment.space is None else kept[segment.space]
        parts.append(offset + (channels[:, None] * segment.repeat + torch.arange(segment.repeat)).flatten())
        offset += segment.size * segment.repeat
    return torch.cat(parts)


def _query_scale(wide: Axis, narrow: Axis) -> float:
    """Attention divides by the root of a head's width, which is smaller now."""
    return ((narrow[0].size / narrow[0].heads) / (wide[0].size / wide[0].heads)) ** 0.5

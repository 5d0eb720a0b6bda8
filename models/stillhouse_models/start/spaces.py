"""Which channels of a denoiser belong together: a channel can only be left out everywhere at once.

A space is a set of channels that several weights share, for example the residual stream of a level. Each axis of each
weight of the teacher's U-Net (networks/patch_unet.py with networks/teacher_unet.py's blocks) is described here as
segments of such spaces, one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stillhouse_models.networks.patch_unet import HEAD_CHANNELS


@dataclass(frozen=True)
class Segment:
    """`size` channels of a space, `repeat` entries of the axis for each. Without a name: kept whole, whatever is left out.

    `heads` > 1: the channels are those of attention heads, one head after the other.
    """

    space: str | None
    size: int
    repeat: int = 1
    heads: int = 1


Axis = tuple[Segment, ...]
Axes = dict[str, tuple[Axis, ...]]


def axes_of(config: Mapping[str, Any]) -> Axes:
    """The leading axes of each weight; axes that are not named (taps of a filter) are kept whole."""
    channels, patch, count = list(config["channels"]), config["patch"], config["num_res_blocks"]
    last = len(channels) - 1
    condition = Segment("condition", 2 * channels[0])
    down = [Segment(f"down{i}", width) for i, width in enumerate(channels)]
    up = [Segment(f"up{i}", width) for i, width in enumerate(channels)]
    axes = _conditioning(condition, config["context_channels"]) | _layer(
        "body.stem", (down[0],), (_whole(config["in_channels"]),)
    )
    before = down[0]
    for i, stream in enumerate(down):
        axes |= _level(f"body.down.{i}", (before,), stream, condition, count, config["context_channels"], mixes=i > 0)
        if i < last:
            # Without a change of width a level's first block has no skip convolution: its stream is its input's.
            before = down[i + 1] if channels[i] == channels[i + 1] else Segment(f"shrunk{i}", channels[i])
            axes |= _layer(f"body.shrink.{i}", (before,), (stream,))
    axes |= _block("body.middle", (down[last],), down[last], condition)
    before = down[last]
    for place, i in enumerate(reversed(range(len(channels)))):
        axes |= _level(f"body.up.{place}", (before, down[i]), up[i], condition, count, config["context_channels"], mixes=i > 0)
        if i:
            before = Segment(f"grown{i}", channels[i - 1])
            axes |= _layer(f"body.grow.{place}", (before,), (up[i],))
    return axes | _head(up[0], config["pixel_channels"], patch, config["in_channels"], config["out_channels"])


def _whole(size: int) -> Segment:
    return Segment(None, size)


def _layer(name: str, outputs: Axis, inputs: Axis) -> Axes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: Axis) -> Axes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def _conditioning(condition: Segment, context: int) -> Axes:
    inner, name = Segment("time", condition.size), "body.conditioning"
    # The waves of the timestep keep their number; its size is not needed, because nothing of it is left out.
    first = {f"{name}.time.0.weight": ((inner,),), f"{name}.time.0.bias": ((inner,),)}
    return first | _layer(f"{name}.time.2", (condition,), (inner,)) | _layer(f"{name}.text", (condition,), (_whole(context),))


def _block(name: str, inputs: Axis, outputs: Segment, condition: Segment) -> Axes:
    inner = Segment(f"{name}.inner", outputs.size)
    return (
        _norm(f"{name}.norm1", inputs)
        | _layer(f"{name}.conv1", (inner,), inputs)
        | _norm(f"{name}.norm2", (inner,))
        | _layer(f"{name}.modulation", (inner, inner), (condition,))
        | _layer(f"{name}.conv2", (outputs,), (inner,))
        | _layer(f"{name}.skip", (outputs,), inputs)
    )


def _level(name: str, inputs: Axis, stream: Segment, condition: Segment, count: int, context: int, mixes: bool) -> Axes:
    axes: Axes = {}
    for j in range(count):
        axes |= _block(f"{name}.blocks.{j}", inputs if j == 0 else (stream,), stream, condition)
    name = f"{name}.attention"
    feed = Segment(f"{name}.feed", 2 * stream.size)
    axes |= {f"{name}.positions": ((), (stream,))}
    axes |= _norm(f"{name}.norm_cross", (stream,)) | _attention(f"{name}.cross", stream, _whole(context))
    if mixes:
        axes |= _norm(f"{name}.norm_self", (stream,)) | _attention(f"{name}.mix", stream, stream)
    return (
        axes
        | _norm(f"{name}.norm_feed", (stream,))
        | _layer(f"{name}.feed.0", (feed,), (stream,))
        | _layer(f"{name}.feed.2", (stream,), (feed,))
    )


def _attention(name: str, stream: Segment, context: Segment) -> Axes:
    heads = max(1, stream.size // HEAD_CHANNELS)
    compared, told = (Segment(f"{name}.{what}", stream.size, heads=heads) for what in ("compared", "told"))
    return {
        f"{name}.query.weight": ((compared,), (stream,)),
        f"{name}.key_value.weight": ((compared, told), (context,)),
    } | _layer(f"{name}.out", (stream,), (told,))


def _head(stream: Segment, width: int, patch: int, in_channels: int, out_channels: int) -> Axes:
    pixels = Segment("pixels", width)
    return (
        _norm("body.head.norm", (stream,))
        | _layer("body.head.spread", (Segment("pixels", width, repeat=patch * patch),), (stream,))
        | _layer("body.head.blend", (pixels,), (pixels, _whole(in_channels)))
        | _layer("body.head.out", (_whole(out_channels),), (pixels,))
    )

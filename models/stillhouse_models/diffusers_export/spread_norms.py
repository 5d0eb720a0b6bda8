"""Group norms in operators that leave the layout of their tensor alone, for OpenVINO.

As they are traced, channels and pixels of a group become one axis. OpenVINO then puts channels first before each norm and
last again before each convolution, which cost a decoder of pictures almost half of its time. Means of each channel, averaged
over its group, and products by channel need no such turning. ONNX Runtime has a kernel for what is traced, and keeps it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional


@contextmanager
def spread_norms() -> Iterator[None]:
    """Within, `torch.nn.GroupNorm` over pixels is traced so."""
    whole = functional.group_norm

    def group_norm(
        input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
    ) -> Tensor:
        if input.dim() != 4 or weight is None or bias is None:
            return whole(input, num_groups, weight, bias, eps)
        centred = input - _of_groups(input, num_groups)
        scale = torch.rsqrt(_of_groups(centred * centred, num_groups) + eps) * weight.view(1, -1, 1, 1)
        return centred * scale + bias.view(1, -1, 1, 1)

    functional.group_norm = group_norm
    try:
        yield
    finally:
        functional.group_norm = whole


def _of_groups(values: Tensor, groups: int) -> Tensor:
    """Each channel gets its group's mean: [N, C, H, W] -> [N, C, 1, 1]."""
    channels = values.size(1)
    means = values.mean((2, 3)).reshape(-1, groups, channels // groups).mean(2, keepdim=True)
    return means.expand(-1, -1, channels // groups).reshape(-1, channels, 1, 1)

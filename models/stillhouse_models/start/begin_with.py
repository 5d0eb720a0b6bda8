"""A student's first weights from a plain U-Net of its own widths, as far as its blocks have something that corresponds.

Stem, conditioning, attention, changes of grid and the head are the same in all families. Of the blocks:

| family | begins as |
|---|---|
| teacher-unet | the teacher's block |
| separable-unet | the block with each 3x3 convolution replaced by its nearest depthwise-separable one |
| lite-unet | normalisation and skip convolution of the teacher's; the inner part starts at nothing |
| mobilenet-v3-unet | the identity where the width stays, else at random: its block has no skip convolution to begin with |

Blocks beyond the teacher's number begin as the identity.
"""

import torch
from torch import Tensor, nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.lite_unet import InvertedResidual
from stillhouse_models.networks.mobilenet_v3_unet import Bottleneck
from stillhouse_models.networks.separable_unet import SeparableBlock, SeparableConv
from stillhouse_models.networks.teacher_unet import ResidualBlock

State = dict[str, Tensor]
Block = ResidualBlock | SeparableBlock | InvertedResidual | Bottleneck


@torch.no_grad()
def begin_with(student: Denoiser, narrow: State) -> None:
    """`narrow` holds a teacher-unet's weights, its widths the student's."""
    blocks = {name: module for name, module in student.named_modules() if isinstance(module, Block)}
    for name, block in blocks.items():
        _begin_block(block, {key[len(name) + 1 :]: value for key, value in narrow.items() if key.startswith(f"{name}.")})
    own = student.state_dict()
    for name, weight in narrow.items():
        if name in own and not any(name.startswith(f"{block}.") for block in blocks):
            own[name].copy_(_fitting(weight, own[name].shape))


def _begin_block(block: Block, state: State) -> None:
    if isinstance(block, Bottleneck):
        return
    if isinstance(block, InvertedResidual):
        block.narrow.weight.zero_()
        _zero(block.narrow.bias)
        _load(block, {name.replace("norm1.", "norm."): value for name, value in state.items() if "modulation" not in name})
        return
    outer = block.conv2 if isinstance(block, ResidualBlock) else block.conv2.point
    outer.weight.zero_()
    _zero(outer.bias)
    _load(block, state)
    if isinstance(block, SeparableBlock) and state:
        for name in ("conv1", "conv2"):
            _separate(getattr(block, name), state[f"{name}.weight"], state[f"{name}.bias"])


def _load(module: nn.Module, state: State) -> None:
    own = module.state_dict()
    for name in own.keys() & state.keys():
        own[name].copy_(state[name])


def _separate(conv: SeparableConv, weight: Tensor, bias: Tensor) -> None:
    filters, points = nearest_separable(weight)
    conv.filter.weight.copy_(filters)
    conv.point.weight.copy_(points)
    _zero(conv.point.bias).copy_(bias)


def nearest_separable(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[outputs, inputs, k, k] -> filters [inputs, 1, k, k] and points [outputs, inputs, 1, 1], nearest in squared error.

    For each input channel the outer product of a filter and its weights for the outputs: the first singular pair of
    [outputs, k * k] (Guo et al. 2018, "Network decoupling").
    """
    outputs, inputs, k, _ = weight.shape
    left, values, right = torch.linalg.svd(weight.transpose(0, 1).reshape(inputs, outputs, k * k), full_matrices=False)
    root = values[:, :1].sqrt()
    filters, points = (right[:, 0] * root).reshape(inputs, 1, k, k), (left[:, :, 0] * root).T
    return filters, points.reshape(outputs, inputs, 1, 1)


def _fitting(weight: Tensor, shape: torch.Size) -> Tensor:
    """A 3x3 kernel where the student has 1x1: its sum, which answers a plane as the kernel does."""
    return weight.sum(dim=(2, 3), keepdim=True) if weight.ndim == 4 and weight.shape[2:] != shape[2:] else weight


def _zero(bias: Tensor | None) -> Tensor:
    assert bias is not None
    return bias.zero_()

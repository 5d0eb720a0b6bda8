"""The evaluator: a small convolutional network that says what a picture shows.

It sees rendered scenes only, never a generated picture, so that it judges students independently of their training.
"""

import torch
from torch import Tensor, nn


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Evaluator(nn.Module):
    """Pictures float32 [B, 3, side, side] in -1..1 -> one float32 [B, labels] of logits per head."""

    def __init__(self, heads: dict[str, int], resolution: int, channels: tuple[int, ...] = (24, 48, 96, 128)):
        super().__init__()
        self.heads = heads
        a, b, c, d = channels
        self.body = nn.Sequential(
            _block(3, a, 2), _block(a, b, 1), _block(b, b, 2), _block(b, c, 1), _block(c, c, 2), _block(c, d, 1), _block(d, d, 2),
        )  # fmt: skip
        # The grid is flattened, not pooled: the answers depend on where things stand.
        self.summary = nn.Sequential(nn.Flatten(), nn.Linear(d * (resolution // 16) ** 2, 256), nn.ReLU(), nn.Dropout(0.1))
        self.outputs = nn.ModuleDict({name: nn.Linear(256, count) for name, count in heads.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        summary = self.summary(self.body(pictures))
        return {name: output(summary) for name, output in self.outputs.items()}


def softened(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Noise, blur and a shift of colour, at random strengths per batch: generated pictures are softer than rendered ones.

    Pictures float32 [B, 3, H, W] in -1..1.
    """
    uniform = torch.rand(3, generator=generator)
    if uniform[0] < 0.5:
        sigma = 0.4 + 0.8 * float(uniform[1])
        taps = torch.exp(-0.5 * (torch.arange(-2, 3) / sigma) ** 2)
        kernel = (taps[:, None] * taps[None, :] / taps.sum() ** 2).expand(3, 1, 5, 5)
        pictures = nn.functional.conv2d(nn.functional.pad(pictures, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)
    strength = torch.rand(len(pictures), 1, 1, 1, generator=generator) * 0.15
    shift = (torch.rand(len(pictures), 3, 1, 1, generator=generator) - 0.5) * 0.08
    gain = 1 + (torch.rand(len(pictures), 1, 1, 1, generator=generator) - 0.5) * 0.12
    return pictures * gain + shift + torch.randn(pictures.shape, generator=generator) * strength

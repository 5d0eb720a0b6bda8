"""Between uint8 pictures [B, H, W, 3] and what networks see: float32 [B, 3, H, W] in -1..1."""

import numpy as np
import torch
from torch import Tensor


def to_tensor(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_pixels(pictures: Tensor) -> np.ndarray:
    return ((pictures.float() + 1) / 2).clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

"""Whether a denoiser takes pictures of another size than it was trained for, asked of the network and of its graph."""

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser

# Patches and halvings divide it in every family here.
LARGER_BY = 32


def other_size_inputs(unet: Denoiser, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Neither square nor the trained size."""
    side, channels = unet.config["sample_size"], unet.config["in_channels"]
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(1, channels, side + LARGER_BY, side + 2 * LARGER_BY, generator=generator)
    context = torch.randn(1, length, unet.config["context_channels"], generator=generator)
    return sample, torch.full((1,), 500.0), context


def allows_other_sizes(unet: Denoiser, length: int) -> bool:
    """Learned positions and windows fix a size: such a network fails by the shapes of its tensors."""
    inputs = other_size_inputs(unet, length)
    try:
        with torch.no_grad():
            return bool(unet(*inputs).shape == inputs[0].shape)
    except (RuntimeError, ValueError, AssertionError):
        return False


def graph_follows(unet: Denoiser, graph: onnx.ModelProto, names: list[str], length: int) -> bool:
    """Tracing may have written the example's size into the graph, so it is asked too."""
    inputs = other_size_inputs(unet, length)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        (made,) = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
    except Exception:  # onnxruntime raises classes of its own, one for each of its codes
        return False
    with torch.no_grad():
        wanted = unet(*inputs).numpy()
    return bool(made.shape == wanted.shape and np.abs(made - wanted).max() <= 1e-3 * max(1.0, np.abs(wanted).max()))

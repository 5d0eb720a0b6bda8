"""Networks as ONNX graphs, with the input and output names that optimum-cli gives them. Batch is free."""

import io
import warnings

import onnx
import torch
from torch import Tensor, nn

from stillhouse_models.free_sizes import allows_other_sizes, graph_follows
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.evaluator import Evaluator
from stillhouse_models.networks.text_encoder import TextEncoder

OPSET = 17


def text_encoder_graph(encoder: TextEncoder, opset: int = OPSET) -> onnx.ModelProto:
    """input_ids int64 [B, L] -> last_hidden_state float32 [B, L, C]."""
    ids = torch.zeros(2, encoder.config["length"], dtype=torch.int64)
    return _graph(encoder, (ids,), ["input_ids"], ["last_hidden_state"], opset)


def unet_graph(unet: Denoiser, opset: int = OPSET) -> onnx.ModelProto:
    """sample float32 [B, C, H, W], timestep float32 [B], encoder_hidden_states float32 [B, L, C] -> out_sample: velocity.

    H and W are free where the network takes other sizes than it was trained for.
    """
    side, channels = unet.config["sample_size"], unet.config["in_channels"]
    length = 24
    example = (
        torch.randn(2, channels, side, side), torch.full((2,), 500.0), torch.randn(2, length, unet.config["context_channels"]),
    )  # fmt: skip
    unet.eval()
    names = ["sample", "timestep", "encoder_hidden_states"]
    if allows_other_sizes(unet, length):
        graph = _graph(unet, example, names, ["out_sample"], opset, free_sides=("sample", "out_sample"))
        if graph_follows(unet, graph, names, length):
            return graph
    return _graph(unet, example, names, ["out_sample"], opset)


class _AnswersInOrder(nn.Module):
    def __init__(self, evaluator: Evaluator):
        super().__init__()
        self.evaluator = evaluator

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.evaluator(pictures).values())


def evaluator_graph(evaluator: Evaluator, resolution: int) -> onnx.ModelProto:
    """pictures float32 [B, 3, H, W] in -1..1 -> one float32 [B, labels] per head, named like the head."""
    return _graph(_AnswersInOrder(evaluator), (torch.zeros(2, 3, resolution, resolution),), ["pictures"], list(evaluator.heads))


def _graph(
    network: nn.Module, example: tuple[Tensor, ...], inputs: list[str], outputs: list[str],
    opset: int = OPSET, free_sides: tuple[str, ...] = (),
) -> onnx.ModelProto:  # fmt: skip
    buffer = io.BytesIO()
    network.eval()
    free = {name: {0: "batch"} | ({2: "height", 3: "width"} if name in free_sides else {}) for name in [*inputs, *outputs]}
    # GroupNorm and attention are written out by the TorchScript exporter in operators that every runtime has.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, example, buffer,  # type: ignore[arg-type]
            dynamo=False, opset_version=opset, do_constant_folding=True,
            input_names=inputs, output_names=outputs, dynamic_axes=free,
        )  # fmt: skip
    graph = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(graph)
    return graph

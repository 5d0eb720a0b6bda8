import numpy as np
import onnxruntime as ort
import pytest
import torch

from stillhouse_models import LiteUNet
from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.onnx_graphs import unet_graph
from stillhouse_models.onnx_weights import compress_weights


def inputs(batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch, 3, 64, 64, generator=generator)
    return noise, torch.full((batch,), 400.0), torch.randn(batch, 24, 128, generator=generator)


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    """Blocks start as the identity; a test of their arithmetic needs weights that do something."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval()


def test_the_constructor_of_the_readme() -> None:
    student = LiteUNet(3, 3, channels=[32, 64, 128], num_res_blocks=2)
    teacher = TeacherUNet(channels=[96, 192, 384])
    count = [sum(p.numel() for p in network.parameters()) for network in (student, teacher)]
    assert 5 <= count[1] / count[0] <= 10


def test_velocity_and_clean_picture_agree() -> None:
    network = stirred(LiteUNet(3, 3, channels=[8, 16]))
    sample, timestep, context = inputs(2)
    with torch.no_grad():
        velocity, clean = network(sample, timestep, context), network.clean(sample, timestep, context)
    torch.testing.assert_close(sample - 0.4 * velocity, clean, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 2e-3), ("int8", 5e-2)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_graph_computes_what_torch_does(precision: str, tolerance: float, batch: int) -> None:
    network = stirred(LiteUNet(3, 3, channels=[16, 32]))
    graph = compress_weights(unet_graph(network), precision)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    sample, timestep, context = inputs(batch)
    names = ["sample", "timestep", "encoder_hidden_states"]
    fed = {name: value.numpy() for name, value in zip(names, (sample, timestep, context), strict=True)}
    (out,) = session.run(["out_sample"], fed)
    with torch.no_grad():
        expected = network(sample, timestep, context).numpy()
    assert out.dtype == np.float32
    assert np.abs(out - expected).max() <= tolerance * np.abs(expected).max()


def test_a_network_comes_back_from_its_folder(tmp_path) -> None:  # type: ignore[no-untyped-def]
    network = stirred(LiteUNet(3, 3, channels=[8, 16]))
    network.save_pretrained(tmp_path)
    again = LiteUNet.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(network(*inputs(1)), again(*inputs(1)), atol=1e-5, rtol=1e-5)

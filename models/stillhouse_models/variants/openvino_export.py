"""Graphs in OpenVINO's own form, from the float graph; NNCF makes the small ones."""

import logging
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import onnx

from stillhouse_models.openvino_graph import GRAPH
from stillhouse_models.variants.calibration import Feeds
from stillhouse_models.variants.onnx_int8 import KEPT_FLOAT


def export_openvino(graph: onnx.ModelProto, token: str, feeds: list[Feeds], folder: Path) -> None:
    """Writes `folder`/openvino_model.xml and .bin. `feeds` serves openvino-int8 alone."""
    import openvino

    model = _converted(graph)
    if token == "openvino-int8":
        model = _quantized(model, feeds)
    elif token == "openvino-int8-weights":
        model = _with_small_weights(model)
    folder.mkdir(parents=True, exist_ok=True)
    # What `mo --compress_to_fp16` did: weights are stored in 16 bits and brought back when they are loaded.
    openvino.save_model(model, str(folder / GRAPH), compress_to_fp16=token != "openvino-fp32")


def _converted(graph: onnx.ModelProto):  # type: ignore[no-untyped-def]
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(graph, str(file))
        return openvino.convert_model(str(file))


def _with_small_weights(model):  # type: ignore[no-untyped-def]
    import nncf

    nncf.set_log_level(logging.ERROR)
    with redirect_stdout(sys.stderr):
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)


def _quantized(model, feeds: list[Feeds]):  # type: ignore[no-untyped-def]
    import nncf

    # Smooth quantization moves the spread of activations into weights; here it made errors four times as large
    # (stickers-lite: 16.9 levels with it, 4.0 without; 12.7 where attention is not treated as a transformer's).
    smoothing = nncf.AdvancedSmoothQuantParameters(matmul=-1, convolution=-1)
    nncf.set_log_level(logging.ERROR)
    # Its progress bars would end up in what a command prints as its result.
    with redirect_stdout(sys.stderr):
        return nncf.quantize(
            model, nncf.Dataset(feeds), subset_size=len(feeds), model_type=nncf.ModelType.TRANSFORMER,
            ignored_scope=nncf.IgnoredScope(patterns=[f".*{part}.*" for part in KEPT_FLOAT], validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=smoothing),
        )  # fmt: skip

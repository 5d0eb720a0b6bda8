"""One network as an ONNX graph, checked against the network itself."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.tracing import Attention, traceable
from stillhouse_models.onnx_parts import PartsInTurn

OPSET = 17
TOLERANCE = 2e-4
"""Largest difference from PyTorch, as a share of the output's own size."""


def to_onnx(component: Component, *, attention: Attention = "plain", fold: bool = True) -> onnx.ModelProto:
    """The graph with its weights inside. `attention`: see `traceable`. `fold`: what follows from weights alone is calculated."""
    component.network.eval()
    axes: dict[str, dict[int, str]] = {**component.free, **{name: {0: "batch"} for name in component.outputs}}
    # By way of a file: above 2 GB the weights must stand apart, which the exporter sees to then.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad(), traceable(attention=attention):
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        torch.onnx.export(
            component.network, tuple(component.inputs.values()), str(file),
            dynamo=False, opset_version=OPSET, do_constant_folding=fold, input_names=list(component.inputs),
            output_names=component.outputs, dynamic_axes=axes,
        )  # fmt: skip
        return onnx.load(str(file))


def check_against_torch(component: Component, file: Path) -> float:
    """Runs the written graph, or the parts of the folder that `file` names, beside the network, at the traced sizes and others.

    @raises RuntimeError when they disagree; @returns the largest difference, as a share of the output's size
    """
    if file.is_dir():
        session: Any = PartsInTurn(file)
        known = set(session.inputs)
    else:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        known = {value.name for value in session.get_inputs()}
    missing = set(component.inputs) - known
    if missing:
        raise RuntimeError(f"{file}: the graph lost its input {', '.join(sorted(missing))}")
    return max(_difference(component, session, inputs, file) for inputs in (component.inputs, _resized(component)))


def _difference(component: Component, session: Any, inputs: dict[str, torch.Tensor], file: Path) -> float:
    found = session.run(component.outputs, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        wanted = component.network(*inputs.values())
    worst = 0.0
    for name, ours, theirs in zip(component.outputs, found, wanted, strict=True):
        if ours.shape != tuple(theirs.shape):
            raise RuntimeError(f'{file}: output "{name}" is {ours.shape}, in PyTorch {tuple(theirs.shape)}')
        worst = max(worst, float(np.abs(ours - theirs.numpy()).max()) / max(1.0, float(theirs.abs().max())))
        if not worst <= TOLERANCE:
            raise RuntimeError(f'{file}: output "{name}" differs from PyTorch by {worst:.2g} of its size')
    return worst


OTHER_SIZES = {"batch": 1, "height": 16, "width": 40, "sequence": 40, "patches": 20, "pooled": 12}


def _resized(component: Component) -> dict[str, torch.Tensor]:
    """Other values at other sizes, where the graph leaves them free: what was traced as a constant shows here."""
    generator = torch.Generator().manual_seed(1)
    inputs, others = {}, OTHER_SIZES | component.sizes
    for name, value in component.inputs.items():
        free = component.free.get(name, {})
        sizes = [others[free[axis]] if axis in free else size for axis, size in enumerate(value.shape)]
        if value.dtype == torch.int64:
            inputs[name] = torch.randint(3, int(value.max()) + 1, sizes, generator=generator)
        else:
            inputs[name] = torch.randn(sizes, generator=generator) * (value.abs().max() if value.ndim == 1 else 1)
    return inputs

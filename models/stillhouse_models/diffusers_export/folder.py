"""A diffusers folder becomes a folder of graphs as optimum lays it out, which `still publish` takes.

optimum itself does not install beside the diffusers and transformers that the toolkit uses, so the graphs are made here.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from stillhouse_models.diffusers_export import components, z_image
from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.fold_upsampling import fold_upsampling
from stillhouse_models.diffusers_export.mark_attention import mark_attention
from stillhouse_models.diffusers_export.merge_adapter import merge_adapter
from stillhouse_models.diffusers_export.read_pipeline import CannotExportError, read_pipeline
from stillhouse_models.diffusers_export.short_names import shorten_names
from stillhouse_models.diffusers_export.spread_norms import spread_norms
from stillhouse_models.diffusers_export.to_onnx import check_against_torch, to_onnx
from stillhouse_models.diffusers_export.tracing import Attention
from stillhouse_models.onnx_parts import save_parts, split_graph
from stillhouse_models.onnx_weights import compress_weights

LARGEST_INSIDE_BYTES = 64 * 1024 * 1024
"""Above this, weights go into a file of their own, which a device maps instead of copying."""

DENOISERS: dict[str, Callable[[Any], Component]] = {
    "UNet2DConditionModel": components.unet,
    "SD3Transformer2DModel": components.sd3_transformer,
    "FluxTransformer2DModel": components.flux_transformer,
    "ZImageTransformer2DModel": z_image.z_image_transformer,
}
KEPT_FILES = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE")


def export_folder(
    source: Path,
    out: Path,
    *,
    runtime: str = "onnx",
    precision: str = "fp32",
    with_encoder: bool = True,
    short_names: bool = False,
    part_bytes: int | None = None,
    tile_pixels: int | None = None,
    adapters: Sequence[tuple[Path, float]] = (),
    fused: bool = True,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """@returns each graph's largest difference from PyTorch, measured in fp32, as a share of its output's size.

    `short_names` drops the names of layers inside the graphs, which are half of a tiny one. With `part_bytes` graphs of more
    fp32 weights are cut into parts that a device can hold one at a time, and attention is computed a head at a time.
    `tile_pixels` is the side of a tile where the picture is decoded in tiles; `adapters` are LoRA files, and how much of each.
    Without `fused` attention is written out in operators of ONNX, as optimum does it; for OpenVINO it always is.
    """
    pipeline = read_pipeline(source)
    for file, scale in adapters:
        merge_adapter(pipeline, file, scale)
    parts = [part for part in _components(pipeline) if with_encoder or part.name != "vae_encoder"]
    out.mkdir(parents=True, exist_ok=True)
    differences = {}
    for i, component in enumerate(parts):
        say(f"{i + 1}/{len(parts)} {component.name}")
        folder = out / component.name
        folder.mkdir(exist_ok=True)
        if part_bytes is not None and runtime == "onnx":
            differences[component.name] = _write_in_parts(component, folder, precision, part_bytes)
        else:
            differences[component.name] = write_component(component, folder, runtime, precision, short_names, fused)
        _copy_config(source / component.part / "config.json", folder)
        mark_attention(folder)
        if tile_pixels is not None and component.name == "vae_decoder":
            _set_tile(folder / "config.json", tile_pixels)
    _copy_rest(source, out)
    return differences


def _components(pipeline: Any) -> list[Component]:
    """Every network of the pipeline. @raises CannotExportError for one that no graph is known of"""
    denoiser = pipeline.components.get("unet") or pipeline.components.get("transformer")
    kind = type(denoiser).__name__
    if kind not in DENOISERS:
        raise CannotExportError(f"{type(pipeline).__name__}: no export of {kind}; known: {', '.join(DENOISERS)}")
    encoders = {name: part for name, part in sorted(pipeline.components.items()) if name.startswith("text_encoder")}
    found = [text_encoder(name, part) for name, part in encoders.items() if isinstance(part, nn.Module)]
    vae = pipeline.components["vae"]
    return [*found, DENOISERS[kind](denoiser), components.vae_decoder(vae), components.vae_encoder(vae)]


def text_encoder(name: str, part: Any) -> Component:
    """Its graph, by its kind: CLIP, T5 or Qwen3."""
    kind = type(part).__name__
    return (z_image.qwen3_encoder if kind.startswith("Qwen3") else components.text_encoder)(name, part)


def write_component(
    component: Component, folder: Path, runtime: str, precision: str, short_names: bool, fused: bool = True
) -> float:
    """The largest difference from PyTorch, in fp32, as a share of the output's size."""
    file = folder / "model.onnx"
    # OpenVINO knows attention that is written out for what it is, and has no operators of ONNX Runtime's.
    attention: Attention = "fused" if fused and runtime == "onnx" else "plain"
    graph = _graph_of(component, runtime, attention)
    if short_names:
        shorten_names(graph.graph)
    _save(graph, file)
    difference = check_against_torch(component, file)
    if runtime == "openvino":
        _save_openvino(file, folder / "openvino_model.xml", precision)
        for written in (file, folder / "model.onnx_data"):
            written.unlink(missing_ok=True)
    elif precision != "fp32":
        # Read again: saving moved large weights out of the graph.
        _save(compress_weights(onnx.load(file), precision), file)
    return difference


def _graph_of(component: Component, runtime: str, attention: Attention) -> onnx.ModelProto:
    """In the operators that its runtime is fastest with."""
    # Denoisers are mostly matrices, and their small tensors gain nothing by it.
    spread = runtime == "openvino" and component.part == "vae"
    # Folded weights that are alike lose all but one of their names in torch.onnx; OpenVINO folds for itself.
    with spread_norms() if spread else nullcontext():
        graph = to_onnx(component, attention=attention, fold=not spread)
    fold_upsampling(graph.graph, "depth to space" if runtime == "openvino" else "concat")
    return graph


def _write_in_parts(component: Component, folder: Path, precision: str, part_bytes: int) -> float:
    """As `write_component`; a graph that weighs no more than a part stays whole."""
    ends = [list(component.inputs), list(component.outputs)]
    with tempfile.TemporaryDirectory(dir=folder) as checked:
        graph = _graph_of(component, "onnx", "by heads")
        save_parts(split_graph(graph, part_bytes), Path(checked), *ends)
        difference = check_against_torch(component, Path(checked))
        files = sorted(Path(checked).glob("*.onnx"))
        if len(files) > 1:
            save_parts((compress_weights(onnx.load(file), precision) for file in files), folder, *ends)
        else:
            _save(compress_weights(onnx.load(files[0]), precision), folder / "model.onnx")
    return difference


def _set_tile(config: Path, pixels: int) -> None:
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": pixels}, indent=2) + "\n")


def _save(graph: onnx.ModelProto, file: Path) -> None:
    data = file.with_name("model.onnx_data")
    data.unlink(missing_ok=True)
    # Not `ByteSize`, which is an error above the 2 GB that one message may have.
    large = sum(len(tensor.raw_data) for tensor in graph.graph.initializer) > LARGEST_INSIDE_BYTES
    onnx.save(graph, str(file), save_as_external_data=large, location=data.name, size_threshold=1024)


def _save_openvino(file: Path, out: Path, precision: str) -> None:
    import openvino

    openvino.save_model(openvino.convert_model(str(file)), str(out), compress_to_fp16=precision == "fp16")


def _copy_config(config: Path, folder: Path) -> None:
    if config.is_file():
        shutil.copyfile(config, folder / "config.json")


def _copy_rest(source: Path, out: Path) -> None:
    for folder in ("scheduler", "tokenizer", "tokenizer_2", "tokenizer_3"):
        if (source / folder).is_dir():
            shutil.copytree(source / folder, out / folder, dirs_exist_ok=True)
    for name in ("model_index.json", *KEPT_FILES):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)

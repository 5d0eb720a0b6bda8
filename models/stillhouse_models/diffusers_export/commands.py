"""The commands of this package, as `stillhouse_models.cli` offers them."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="a diffusers folder, as save_pretrained writes it", exists=True, file_okay=False)]
Out = Annotated[Path, typer.Option("--out", help="folder to write to")]


def add_commands(app: typer.Typer) -> None:
    """Registers them."""
    app.command("export-diffusers")(export_diffusers)
    app.command("tiny-diffusers")(tiny_diffusers)
    app.command("parity")(parity)


def export_diffusers(
    folder: Folder,
    out: Out,
    runtime: Annotated[str, typer.Option(help="onnx or openvino")] = "onnx",
    precision: Annotated[str, typer.Option(help="of the stored weights: fp32 or fp16; int8 for onnx")] = "fp32",
    part_mb: Annotated[
        int | None, typer.Option(help="cut graphs of more weights (as fp32) into parts, held one at a time; for onnx", min=8)
    ] = None,
    lora: Annotated[
        list[str] | None, typer.Option(help="FILE[:SCALE] in safetensors, merged for good; may be said again")
    ] = None,
    tile: Annotated[int | None, typer.Option(help="side of the decoder's tiles in pixels, else the model's own", min=64)] = None,
) -> None:
    """Turn a diffusers folder into graphs that `still publish` and `still run` take, each checked against PyTorch."""
    from stillhouse_models.diffusers_export.folder import CannotExportError, export_folder

    if runtime not in ("onnx", "openvino") or precision not in (
        ("fp32", "fp16", "int8") if runtime == "onnx" else ("fp32", "fp16")
    ):
        typer.echo(f"--runtime {runtime} --precision {precision} is not possible; see --help", err=True)
        raise typer.Exit(2)
    if part_mb is not None and runtime != "onnx":
        typer.echo("--part-mb is for --runtime onnx", err=True)
        raise typer.Exit(2)
    part_bytes = None if part_mb is None else part_mb * 1_000_000
    try:
        differences = export_folder(
            folder, out, runtime=runtime, precision=precision, part_bytes=part_bytes, tile_pixels=tile,
            adapters=[_adapter_of(text) for text in lora or []], say=typer.echo,
        )  # fmt: skip
    except CannotExportError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for name, difference in differences.items():
        typer.echo(f"{name}: {difference:.1e} of its size from PyTorch")


def _adapter_of(text: str) -> tuple[Path, float]:
    file, _, scale = text.rpartition(":")
    try:
        path, share = (Path(file), float(scale)) if file else (Path(text), 1.0)
    except ValueError:
        path, share = Path(text), 1.0
    if not path.is_file():
        typer.echo(f"--lora {text}: there is no file {path}", err=True)
        raise typer.Exit(2)
    return path, share


def tiny_diffusers(
    kind: Annotated[str, typer.Argument(help="sd, sdxl, lcm, sd3, flux-dev, …; sd-1.5 at full size; an unknown one lists all")],
    out: Out,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Make a tiny diffusers folder of that kind with random weights, to try things with; or one of a real model's size."""
    from stillhouse_models.diffusers_export.full_size import FULL_SIZE, make_full_size
    from stillhouse_models.diffusers_export.tiny import make_tiny

    try:
        typer.echo(str((make_full_size if kind in FULL_SIZE else make_tiny)(kind, out, seed)))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def parity(
    out: Out,
    seed: Annotated[int, typer.Option()] = 1,
    kinds: Annotated[str, typer.Option(help="comma-separated; all unless said otherwise")] = "",
    runtime: Annotated[str, typer.Option(help="of the graphs: onnx or openvino")] = "onnx",
    small: Annotated[bool, typer.Option(help="as test/fixtures/pipelines keeps them: fp16 weights, few VAE encoders")] = False,
) -> None:
    """Make tiny pipelines, what diffusers paints with them, and scheduler vectors, all from one seed."""
    from stillhouse_models.diffusers_export.parity import make_parity
    from stillhouse_models.diffusers_export.tiny import KINDS

    if runtime not in ("onnx", "openvino"):
        typer.echo(f"--runtime {runtime}: expected onnx or openvino", err=True)
        raise typer.Exit(2)
    make_parity(out, seed, kinds.split(",") if kinds else tuple(KINDS), runtime=runtime, small=small, say=typer.echo)

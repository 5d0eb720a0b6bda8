"""The command of this package, as `stillhouse_models.cli` offers it."""

import json
from pathlib import Path
from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Registers it."""
    app.command("adapt")(adapt_command)


def adapt_command(
    base: Annotated[Path, typer.Argument(help="the folder of the version that learns more", exists=True, file_okay=False)],
    pictures: Annotated[
        Path, typer.Option(help="folder of pictures, each with its caption in a .txt", exists=True, file_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="folder to write to")],
    student: Annotated[Path | None, typer.Option(help="the base's trained weights, where its folder has no training/")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="with weights of its own, instead of an adapter of the base's")] = False,
    model: Annotated[str | None, typer.Option(help="name of the new model; BASE-adapted if left out")] = None,
    version: Annotated[str, typer.Option(help="of the new model")] = "1.0.0",
    precisions: Annotated[str, typer.Option(help="comma-separated variants, as for `export`")] = "fp16",
    keep: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="share of each batch that asks for what the base knew; 0 restyles everything")
    ] = 0.0,
    rank: Annotated[int, typer.Option(min=1, max=256, help="more learns finer things, and makes a larger adapter")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="training steps")] = 400,
    rate: Annotated[float, typer.Option(help="learning rate")] = 1e-2,
    seed: Annotated[int, typer.Option()] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Teach a student a handful of captioned pictures by LoRA, as a version that names its base; started again, it goes on."""
    from stillhouse_models.adapt.adapt import adapt, adapted_text
    from stillhouse_models.adapt.export_adapted import AdaptedVersion
    from stillhouse_models.adapt.train_adapter import AdapterSettings
    from stillhouse_models.live_watch import LiveWatch
    from stillhouse_models.manifest import MANIFEST, read_manifest

    known = read_manifest(base) if (base / MANIFEST).is_file() else {}
    # As many denoising steps as the base's first variant has: load_base says what is wrong where there is none.
    denoising = known["variants"][0]["steps"] if known else 4
    settings = AdapterSettings(rank=rank, steps=steps, rate=rate, denoising_steps=denoising, keep=keep, seed=seed)
    name = model or f"{known.get('model', 'model')}-adapted"
    told = f"{known.get('model')}@{known.get('version')}, adapted by LoRA of rank {rank} to pictures of {pictures.name}"
    wanted = AdaptedVersion(name, version, told, merge, tuple(precisions.split(",")))
    with LiveWatch().listening() as watch:
        result = adapt(base, student, pictures, settings, wanted, out, watch, device)
    typer.echo(json.dumps(result, indent=2) if as_json else adapted_text(result))

"""The toolkit's commands. Each is a file of its own; here stands only what a user may type."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stillhouse_models.adapt.commands import add_commands as add_adapting
from stillhouse_models.diffusers_export.commands import add_commands
from stillhouse_models.ends import ends_told
from stillhouse_models.progress import progress
from stillhouse_models.recipe import on_device, read_recipe, read_rendered_recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])
RecipeFile = Annotated[Path, typer.Argument(help="a TOML file of models/recipes/", exists=True, dir_okay=False)]
TrainingFolder = Annotated[Path, typer.Option("--training", help="folder of evaluator, teacher and their logs")]
VersionFolder = Annotated[Path, typer.Argument(help="a version's folder", exists=True, file_okay=False)]
OutFolder = Annotated[Path, typer.Option("--out", help="folder to write to")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps, in the place of the recipe's `device`")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


@app.command("run")
def run_command(recipe: RecipeFile, out: OutFolder, device: Device = None, as_json: AsJson = False) -> None:
    """The whole way: evaluator, teacher, student in its phases, judgement, export. Started again, it goes on."""
    from stillhouse_models.live_watch import LiveWatch
    from stillhouse_models.run_recipe import run_recipe
    from stillhouse_models.run_text import run_text

    with LiveWatch().listening() as watch:
        result = run_recipe(on_device(read_recipe(recipe), device), out, watch)
    typer.echo(json.dumps(result, indent=2) if as_json else run_text(result))


@app.command("cache")
def cache_command(
    recipe: RecipeFile,
    training: TrainingFolder,
    plan: Annotated[bool, typer.Option("--plan", help="say what it would hold, and its size; load nothing")] = False,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Fill the cache of a diffusers teacher's answers, or go on with it: the GPU's part, on whichever machine has one."""
    from stillhouse_models.cached_teacher.fill_cache import CACHE, fill_cache, planned
    from stillhouse_models.live_watch import LiveWatch

    r = on_device(read_recipe(recipe), device)
    if plan:
        made = planned(r)[2]
    else:
        with LiveWatch().listening() as watch:
            made = fill_cache(r, training / CACHE, watch)
    told = made.as_json() | {"bytes": made.bytes()}
    typer.echo(json.dumps(told, indent=2) if as_json else made.words())


@app.command("inspect")
def inspect_command(
    family: Annotated[str, typer.Option(help="lite-unet, mobilenet-v3-unet, separable-unet or teacher-unet")] = "lite-unet",
    channels: Annotated[str, typer.Option(help="of each level, finest first")] = "32,64,128",
    num_res_blocks: Annotated[int, typer.Option(min=1)] = 2,
    context_channels: Annotated[int, typer.Option(min=1, help="width of the text encoder")] = 128,
    patch: Annotated[int, typer.Option(min=1)] = 4,
    attention: Annotated[str, typer.Option(help="full, linear or windowed")] = "full",
    sizes: Annotated[str, typer.Option(help="sides of pictures, in pixels")] = "32,64,128",
    recipe: Annotated[Path | None, typer.Option(help="the student of this recipe instead", exists=True, dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Parameters, and multiplications with additions (MACs) a step, of a student; nothing is trained."""
    from stillhouse_models.inspect_family import inspect_family, inspection_of, inspection_text, whole_numbers

    shape = inspection_of(read_recipe(recipe)) if recipe else {
        "family": family, "channels": whole_numbers(channels, "--channels"), "num_res_blocks": num_res_blocks,
        "context_channels": context_channels, "patch": patch, "attention": attention,
    }  # fmt: skip
    result = inspect_family(shape, whole_numbers(sizes, "--sizes"))
    typer.echo(json.dumps(result, indent=2) if as_json else inspection_text(result))


@app.command("plot")
def plot_command(
    folder: Annotated[Path, typer.Argument(help="of a run, or of a student in training", exists=True, file_okay=False)],
    out: Annotated[Path | None, typer.Option("--out", help="folder of the PNGs; plots/ beside the logs if left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Loss curves, quality by phase, and teacher beside student at equal seeds, as PNGs; also while training goes on."""
    from stillhouse_models.plot.plot_run import plot_run

    files = [str(file) for file in plot_run(folder, out)]
    typer.echo(json.dumps({"files": files}, indent=2) if as_json else "\n".join(files))


@app.command("throughput")
def throughput_command(
    recipe: RecipeFile,
    steps: Annotated[int, typer.Option(min=1, help="steps a round")] = 5,
    rounds: Annotated[int, typer.Option(min=2, help="rounds, in which all take turns")] = 6,
    choices: Annotated[
        str,
        typer.Option(
            help="also the plain loop with each of these, joined by + for several at once: bfloat16, channels-last, "
            "math-attention, fused, compiled, rendered-ahead"
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """How fast this toolkit trains the recipe's student against a plain PyTorch loop, and what rendering pictures costs."""
    from stillhouse_models.live_watch import LiveWatch
    from stillhouse_models.throughput.plain_loop import read_choices
    from stillhouse_models.throughput.throughput import throughput
    from stillhouse_models.throughput.throughput_text import throughput_text

    with LiveWatch().listening() as watch:
        result = throughput(read_rendered_recipe(recipe), steps, rounds, read_choices(choices), watch)
    typer.echo(json.dumps(result, indent=2) if as_json else throughput_text(result))


@app.command("train-evaluator")
def train_evaluator_command(recipe: RecipeFile, training: TrainingFolder, device: Device = None) -> None:
    """Train the network that says what a picture shows, on rendered scenes only."""
    from stillhouse_models.train_evaluator import train_evaluator
    from stillhouse_models.training.compute_device import device_of

    r = on_device(read_rendered_recipe(recipe), device)
    wanted = r.evaluator
    share = train_evaluator(r.source, wanted.channels, training, wanted.seconds, r.seed, device=device_of(r.device))
    typer.echo(f"held-out renders with every answer right: {share:.2%}")


@app.command("train-teacher")
def train_teacher_command(
    recipe: RecipeFile,
    training: TrainingFolder,
    start_from: Annotated[Path | None, typer.Option(help="a kept teacher to begin with, where no training stands yet")] = None,
    device: Device = None,
) -> None:
    """Train the teacher, or go on with it, until the recipe's seconds are spent."""
    from stillhouse_models.keep_teacher import keep_teacher
    from stillhouse_models.train_teacher import settings_of, train_teacher
    from stillhouse_models.training.compute_device import arithmetic, device_of

    r = on_device(read_rendered_recipe(recipe), device)
    with arithmetic(r.autocast):
        train_teacher(settings_of(r), training, r.teacher.seconds, start_from, device=device_of(r.device))
    keep_teacher(training, training / "teacher")


@app.command("distil")
def distil_command(
    recipe: RecipeFile,
    training: TrainingFolder,
    out: OutFolder,
    start_from: Annotated[Path | None, typer.Option(help="a kept student to begin with, where no training stands yet")] = None,
    device: Device = None,
) -> None:
    """Distil a student in the recipe's phases; started again, it goes on where it stopped."""
    from stillhouse_models.distil import distil

    distil(on_device(read_recipe(recipe), device), training, out, start_from)


@app.command("export")
def export_command(
    recipe: RecipeFile,
    training: TrainingFolder,
    student: Annotated[Path, typer.Option(help="the student's folder")],
    model: Annotated[str, typer.Option(help="for example stickers-lite")],
    version: Annotated[str, typer.Option(help="for example 1.0.0")],
    out: OutFolder,
    steps: Annotated[int, typer.Option(help="denoising steps a picture")],
    description: Annotated[str, typer.Option()] = "",
    precisions: Annotated[
        str,
        typer.Option(
            help="comma-separated variants: fp32, fp16, int8, int4, int8-dynamic, int8-static, "
            "openvino-fp32, openvino-fp16, openvino-fp16-f16, openvino-fp16-bf16, openvino-int8, openvino-int8-weights"
        ),
    ] = "fp16,int8",
    prompts: Annotated[int, typer.Option(help="size of the evaluation set")] = 48,
    external_data: Annotated[bool, typer.Option(help="weights of ONNX graphs in a file of their own")] = False,
    target: Annotated[str | None, typer.Option(help="device class to tune ONNX graphs for: raspberry-pi-5-8gb")] = None,
) -> None:
    """Write a version's folder: variants, evaluator, evaluation set, golden pictures, manifest."""
    from stillhouse_models.export import ExportRequest, export_version

    r = read_rendered_recipe(recipe)
    request = ExportRequest(
        model=model, version=version, source=r.source, student=student, teacher=training / "teacher",
        evaluator=training / "evaluator.safetensors", out=out, description=description, steps=steps,
        precisions=tuple(precisions.split(",")), prompts=prompts, teacher_guidance=r.teacher.guidance,
        external_data=external_data, target=target,
    )  # fmt: skip
    typer.echo(str(export_version(request)))


@app.command("table")
def table_command(
    recipe: RecipeFile,
    out: OutFolder,
    steps: Annotated[int, typer.Option(min=1, help="training steps of each row")] = 400,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each row; from two on, what chance does is told")] = 3,
    beside: Annotated[
        list[Path] | None, typer.Option(help="a recipe whose student is a row too; may be repeated", exists=True, dir_okay=False)
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="what to vary, comma-separated: family, start, attention, loss, further loss, lessons; else all"),
    ] = None,
    precisions: Annotated[str, typer.Option(help="of the recipe's student, comma-separated as for export")] = "fp32,fp16,int8",
    as_json: AsJson = False,
) -> None:
    """Teacher, then families, beginnings, losses and lessons at an equal budget, each precision; started again, it goes on."""
    from stillhouse_models.live_watch import LiveWatch
    from stillhouse_models.table.table_text import table_text
    from stillhouse_models.table.whole_table import TableRequest, whole_table

    others = tuple(read_rendered_recipe(file) for file in beside or [])
    wanted = TableRequest(steps, seeds, tuple(precisions.split(",")), tuple(groups.split(",")) if groups else (), others)
    with LiveWatch().listening() as watch:
        result = whole_table(read_rendered_recipe(recipe), out, wanted, watch)
    typer.echo(json.dumps(result, indent=2) if as_json else table_text(result))


@app.command("tune")
def tune_command(
    student: Annotated[Path, typer.Argument(help="a student's folder", exists=True, file_okay=False)],
    rounds: Annotated[int, typer.Option(help="interleaved runs of each way")] = 200,
    as_json: AsJson = False,
) -> None:
    """Measure on this machine which ways of writing a graph down are faster: what --target rests on."""
    from stillhouse_models.variants.measure_tuning import measure_tuning

    rows = measure_tuning(student, rounds)
    for row in [] if as_json else rows:
        typer.echo("  ".join(f"{name} {value}" for name, value in row.items()))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))


@app.command("keep")
def keep_command(recipe: RecipeFile, training: TrainingFolder, out: OutFolder) -> None:
    """Keep a student as it stands in the middle of its training, so that it can be exported while it goes on."""
    from stillhouse_models.distil import keep_checkpoint

    keep_checkpoint(read_recipe(recipe), training, out)


@app.command("evaluate")
def evaluate_command(version: VersionFolder, as_json: AsJson = False) -> None:
    """Judge every variant of a version on its own evaluation set: score, interval, fidelity, artifacts, diversity."""
    from stillhouse_models.quality.evaluate_version import evaluate_version, pictures_to_make
    from stillhouse_models.quality.quality_table import quality_table

    with progress("pictures", pictures_to_make(version)) as advance:
        result = evaluate_version(version, advance)
    typer.echo(json.dumps(result, indent=2) if as_json else quality_table(result))


@app.command("doctor")
def doctor_command(
    version: VersionFolder,
    sheet: Annotated[
        Path | None, typer.Option(help="PNG of the worst pictures, by default doctor-MODEL-VERSION.png here")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a version's pictures, show the worst, and what would help, with the numbers behind it."""
    from stillhouse_models.doctor.diagnose import report
    from stillhouse_models.doctor.examine import examine, pictures_to_make
    from stillhouse_models.doctor.report_text import report_text
    from stillhouse_models.doctor.worst_sheet import save_worst
    from stillhouse_models.inference_precision import not_computed_here
    from stillhouse_models.manifest import read_manifest

    with progress("pictures", pictures_to_make(version)) as advance:
        examination = examine(version, advance)
    manifest = read_manifest(version)
    name = f"{manifest['model']}@{manifest['version']}"
    file = sheet or Path(f"doctor-{name.replace('@', '-')}.png")
    worst = save_worst(examination, file)
    told = {"version": name, "variant": examination.facts.main["name"]} | report(examination.facts)
    told |= {"notJudged": not_computed_here(manifest["variants"]), "worst": worst, "sheet": str(file)}
    typer.echo(json.dumps(told, indent=2) if as_json else report_text(told))


@app.command("check")
def check_command(version: VersionFolder) -> None:
    """Check a version's manifest against the schema and its files against their digests."""
    from stillhouse_models.manifest import manifest_faults, read_manifest

    faults = manifest_faults(version, read_manifest(version))
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{version}: sound")


@app.command("damage")
def damage_command(
    version: VersionFolder,
    number: Annotated[str, typer.Option("--version", help="the damaged version's number")],
    out: OutFolder,
    strength: Annotated[float, typer.Option(help="noise as a share of each weight's standard deviation")] = 0.5,
) -> None:
    """Damage a version's weights on purpose, consistently: only measuring its pictures tells."""
    from stillhouse_models.damage import damage

    typer.echo(str(damage(version, number, strength, out)))


@app.command("golden")
def golden_command(version: VersionFolder, out: OutFolder) -> None:
    """Write the golden vectors that the TypeScript tests compare with."""
    from stillhouse_models.golden import write_golden

    write_golden(version, out)


@app.command("sheet")
def sheet_command(
    version: VersionFolder,
    file: Annotated[Path, typer.Option("--out", help="PNG to write")],
    count: Annotated[int, typer.Option(help="prompts of the evaluation set")] = 24,
    side: Annotated[int, typer.Option(help="pixels a picture")] = 96,
    columns: Annotated[int, typer.Option()] = 6,
    prompts: Annotated[Path | None, typer.Option(help="a file of prompts, one a line: the student's pictures only")] = None,
    seed: Annotated[int, typer.Option(help="of the first prompt of the file")] = 1,
) -> None:
    """A contact sheet: teacher and student side by side, or the student's pictures for prompts of one's own."""
    from stillhouse_models.compare_sheet import compare_sheet, prompt_sheet

    if prompts:
        prompt_sheet(version, prompts.read_text().splitlines(), seed, file, side, columns)
    else:
        compare_sheet(version, file, count, side, columns)


add_commands(app)
add_adapting(app)


def main(arguments: list[str] | None = None, name: str = "python -m stillhouse_models") -> None:
    # Read by OpenMP when torch is first imported: an idle worker waits some microseconds, then sleeps.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    typed = sys.argv[1:] if arguments is None else arguments
    with ends_told(as_json="--json" in typed):
        app(args=completed(typed), prog_name=name)


def completed(arguments: list[str]) -> list[str]:
    """A recipe in the place of a command is followed as a whole: `RECIPE.toml --out DIR`."""
    first = arguments[0] if arguments else "--help"
    is_option = first.startswith("-") and first != "--help"
    return ["run", *arguments] if first.endswith(".toml") or (is_option and len(arguments) > 1) else arguments

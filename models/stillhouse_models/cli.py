"""The toolkit's commands. Each is a file of its own; here stands only what a user may type."""

from pathlib import Path
from typing import Annotated

import typer

from stillhouse_models.recipe import read_recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])
RecipeFile = Annotated[Path, typer.Argument(help="a TOML file of models/recipes/", exists=True, dir_okay=False)]
TrainingFolder = Annotated[Path, typer.Option("--training", help="folder of evaluator, teacher and their logs")]
OutFolder = Annotated[Path, typer.Option("--out", help="folder to write to")]


@app.command("train-evaluator")
def train_evaluator_command(recipe: RecipeFile, training: TrainingFolder) -> None:
    """Train the network that says what a picture shows, on rendered scenes only."""
    from stillhouse_models.train_evaluator import train_evaluator

    r = read_recipe(recipe)
    share = train_evaluator(r.source, r.evaluator.channels, training, r.evaluator.seconds, r.seed)
    typer.echo(f"held-out renders with every answer right: {share:.2%}")


@app.command("train-teacher")
def train_teacher_command(recipe: RecipeFile, training: TrainingFolder) -> None:
    """Train the teacher, or go on with it, until the recipe's seconds are spent."""
    from stillhouse_models.keep_teacher import keep_teacher
    from stillhouse_models.train_teacher import settings_of, train_teacher

    r = read_recipe(recipe)
    train_teacher(settings_of(r), training, r.teacher.seconds)
    keep_teacher(training, training / "teacher")


@app.command("distil")
def distil_command(recipe: RecipeFile, training: TrainingFolder, out: OutFolder) -> None:
    """Distil a student in the recipe's phases; started again, it goes on where it stopped."""
    from stillhouse_models.distil import distil

    distil(read_recipe(recipe), training, out)


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
    precisions: Annotated[str, typer.Option(help="comma-separated: fp32, fp16, int8")] = "fp16,int8",
    prompts: Annotated[int, typer.Option(help="size of the evaluation set")] = 48,
) -> None:
    """Write a version's folder: variants, evaluator, evaluation set, golden pictures, manifest."""
    from stillhouse_models.export import ExportRequest, export_version

    r = read_recipe(recipe)
    request = ExportRequest(
        model=model, version=version, source=r.source, student=student, teacher=training / "teacher",
        evaluator=training / "evaluator.safetensors", out=out, description=description, steps=steps,
        precisions=tuple(precisions.split(",")), prompts=prompts, teacher_guidance=r.teacher.guidance,
    )  # fmt: skip
    typer.echo(str(export_version(request)))


def main() -> None:
    app()

"""A recipe: what is learned from what, in which phases, at which rates. One TOML file, read strictly."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stillhouse_models.training.layers import layer_place

# See losses/, a file each or for a few of a kind.
LOSSES = ("mse", "truth", "edges", "feature", "gram", "kl", "layout", "progressive", "consistency", "adversarial", "dmd")
# What a student's keys may say, where only some words have a meaning.
CHOICES = {
    "family": ("lite-unet", "mobilenet-v3-unet", "separable-unet", "teacher-unet"),
    "attention": ("full", "linear", "windowed"),
    "start": ("scratch", "teacher"),
    "importance": ("taylor", "l1"),
}


class RecipeError(ValueError):
    """The recipe cannot be followed; the message names the file, the place and what was expected."""


@dataclass(frozen=True)
class EvaluatorRecipe:
    seconds: float
    channels: tuple[int, ...]


@dataclass(frozen=True)
class TeacherRecipe:
    channels: tuple[int, ...]
    seconds: float
    num_res_blocks: int = 1
    patch: int = 4
    text_width: int = 128
    text_layers: int = 3
    batch_size: int = 64
    steps: int = 8
    guidance: float = 2.0


@dataclass(frozen=True)
class StudentRecipe:
    """`steps` is what the student is trained for; `teacher_share` of each batch the teacher answers, see training/lessons.py.

    `start`: "teacher" begins with those of the teacher's channels that matter most, by `importance`, see start/.
    `layers` are what the losses feature, gram, kl and adversarial look at; none named: see training/layers.py.
    """

    family: str
    channels: tuple[int, ...]
    num_res_blocks: int = 2
    patch: int = 4
    pixel_channels: int = 8
    steps: int = 4
    batch_size: int = 64
    teacher_share: float = 0.34
    attention: str = "full"
    start: str = "scratch"
    importance: str = "taylor"
    layers: tuple[str, ...] = ()
    temperature: float = 2.0


@dataclass(frozen=True)
class PhaseRecipe:
    """`tolerance`: how far the share of parts found may fall below the best phase before it is undone."""

    name: str
    seconds: float
    rate: float
    losses: Mapping[str, float]
    frozen: tuple[str, ...] = ()
    tolerance: float = 0.02


@dataclass(frozen=True)
class Recipe:
    name: str
    source: str
    evaluator: EvaluatorRecipe
    teacher: TeacherRecipe
    student: StudentRecipe
    phases: tuple[PhaseRecipe, ...] = field(default_factory=tuple)
    seed: int = 0


def read_recipe(file: Path) -> Recipe:
    try:
        table = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as cause:
        raise RecipeError(f"{file}: {cause}") from cause
    parts = {"evaluator": EvaluatorRecipe, "teacher": TeacherRecipe, "student": StudentRecipe}
    made: dict[str, Any] = {name: _build(kind, table.pop(name, {}), f"{file}: [{name}]") for name, kind in parts.items()}
    phases = table.pop("phases", [])
    made["phases"] = tuple(_build(PhaseRecipe, phase, f"{file}: phase {i + 1}") for i, phase in enumerate(phases))
    recipe: Recipe = _build(Recipe, table | made, str(file))
    _check_student(recipe.student, f"{file}: [student]")
    for phase in recipe.phases:
        if unknown := sorted(set(phase.losses) - set(LOSSES)):
            raise RecipeError(f"{file}: phase {phase.name!r}: unknown losses {unknown}; known: {list(LOSSES)}")
    return recipe


def _check_student(student: StudentRecipe, where: str) -> None:
    for key, known in CHOICES.items():
        if (value := getattr(student, key)) not in known:
            raise RecipeError(f"{where}: {key} is {value!r}; known: {list(known)}")
    if student.family == "teacher-unet" and student.attention != "full":
        raise RecipeError(f"{where}: attention is {student.attention!r}; a teacher-unet knows only 'full'")
    if not student.temperature > 0:
        raise RecipeError(f"{where}: temperature is {student.temperature}; expected more than 0")
    try:
        for name in student.layers:
            layer_place(name, len(student.channels))
    except ValueError as cause:
        raise RecipeError(f"{where}: layers: {cause}") from cause


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    known = {each.name for each in fields(kind)}
    if unknown := sorted(table.keys() - known):
        raise RecipeError(f"{where}: unknown keys {unknown}; known: {sorted(known)}")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})
    except TypeError as cause:
        raise RecipeError(f"{where}: {cause}") from cause

"""A recipe: what is learned from what, in which phases, at which rates. One TOML file, read strictly."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from stillhouse_models.export_recipe import ExportRecipe, export_fault
from stillhouse_models.phase_defaults import phase_tables
from stillhouse_models.training.layers import layer_place

# See losses/, a file each or for a few of a kind.
LOSSES = (
    "mse", "truth", "edges", "feature", "gram", "kl", "layout", "perceptual", "progressive", "consistency", "adversarial", "dmd",
)  # fmt: skip
# Those that need no more of a teacher than its answers, see training/cached_school.py.
CACHED_LOSSES = ("mse", "edges", "consistency")
KEPT = ("final", "trajectory")
# Keys that trainings begun before them do not have on record.
LATER_KEYS = ("positions", "pure_noise_share", "own_path_share")
# What a student's keys may say, where only some words have a meaning.
CHOICES = {
    "family": ("lite-unet", "mobilenet-v3-unet", "separable-unet", "teacher-unet"),
    "attention": ("full", "linear", "windowed"),
    "positions": ("learned", "interpolated"),
    "start": ("scratch", "teacher"),
    "importance": ("taylor", "l1"),
}
DEVICES = ("auto", "cpu", "cuda", "mps")


class RecipeError(ValueError):
    """The recipe cannot be followed; the message names the file, the place and what was expected."""


@dataclass(frozen=True)
class EvaluatorRecipe:
    """Trained for `seconds`, or `ready`: a kept one, the key `from` of the recipe, beside whose file it is looked for."""

    seconds: float = 0.0
    channels: tuple[int, ...] = ()
    ready: Path | None = None


@dataclass(frozen=True)
class TeacherRecipe:
    """Trained for `seconds`, or `ready`, like an evaluator; `steps` and `guidance` are how its pictures are made.

    Or `diffusers`, a local folder, whose answers to the file `prompts` are cached: `seeds` pictures of `size` pixels a side for
    each, `keep`: "final" or "trajectory"; `text_length` tokens of T5 and Qwen3; `held_out` prompts are for judging.
    """

    channels: tuple[int, ...] = ()
    seconds: float = 0.0
    num_res_blocks: int = 1
    patch: int = 4
    text_width: int = 128
    text_layers: int = 3
    batch_size: int = 64
    steps: int = 8
    guidance: float = 2.0
    ready: Path | None = None
    diffusers: Path | None = None
    prompts: Path | None = None
    size: int = 0
    seeds: int = 1
    keep: str = "final"
    text_length: int = 128
    held_out: int = 16


# Those of a teacher whose answers are cached; what a teacher of ours is trained by is the rest.
CACHED_KEYS = ("diffusers", "prompts", "size", "seeds", "keep", "text_length", "held_out")


@dataclass(frozen=True)
class StudentRecipe:
    """`steps` is what the student is trained for; `teacher_share` of each batch the teacher answers, see
    training/lessons.py.

    `positions`: "interpolated" takes pictures of other sizes than it was trained with, see networks/attention.py.
    `start`: "teacher" begins with those of the teacher's channels that matter most, by `importance`, see start/.
    `layers` are what the losses feature, gram, kl, perceptual and adversarial look at; none named: see training/layers.py.
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
    positions: str = "learned"
    start: str = "scratch"
    importance: str = "taylor"
    layers: tuple[str, ...] = ()
    temperature: float = 2.0


@dataclass(frozen=True)
class PhaseRecipe:
    """Either `seconds` of wall clock or `steps`, which give the same weights every time. Defaults: phase_defaults.py.

    `tolerance`: how far the share of parts found may fall below the best phase before it is undone. Of the lessons,
    `pure_noise_share` hold no trace of the picture, and `own_path_share` the student comes to by itself (both with rendered
    scenes only): see training/lessons.py.
    """

    name: str
    seconds: float | None
    rate: float
    losses: Mapping[str, float]
    frozen: tuple[str, ...] = ()
    tolerance: float = 0.02
    steps: int | None = None
    pure_noise_share: float = 0.0
    own_path_share: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """`device` is where it trains, `autocast` whether in bfloat16 where precision allows it, `compiled` whether the student's
    steps run as a compiled graph; none of them is part of what is made."""

    name: str
    # Of rendered scenes; "" where a cached teacher's answers are learned from.
    source: str
    evaluator: EvaluatorRecipe
    teacher: TeacherRecipe
    student: StudentRecipe
    phases: tuple[PhaseRecipe, ...] = field(default_factory=tuple)
    seed: int = 0
    export: ExportRecipe = field(default_factory=ExportRecipe)
    device: str = "auto"
    autocast: bool = True
    compiled: bool = False


def read_recipe(file: Path) -> Recipe:
    """Paths in it are relative to the file's own folder. RecipeError where it cannot be followed."""
    try:
        table = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise RecipeError(f"{file}: {cause}") from cause
    _refuse_unknown(Recipe, table, str(file))
    cached = "diffusers" in _table(table.get("teacher", {}), f"{file}: [teacher]")
    table = {"source": ""} | table if cached else table
    parts = {"evaluator": EvaluatorRecipe, "teacher": TeacherRecipe, "student": StudentRecipe, "export": ExportRecipe}
    made: dict[str, Any] = {}
    for name, kind in parts.items():
        made[name] = _build(kind, _with_ready(_table(table.pop(name, {}), f"{file}: [{name}]"), file), f"{file}: [{name}]")
    named = [_table(phase, f"{file}: phase {i + 1}") for i, phase in enumerate(table.pop("phases", []))]
    phases = phase_tables(named, CACHED_LOSSES if cached else LOSSES)
    made["phases"] = tuple(
        _build(PhaseRecipe, {"seconds": None} | phase, f"{file}: phase {i + 1}") for i, phase in enumerate(phases)
    )
    recipe: Recipe = _build(Recipe, table | made, str(file))
    if fault := _compute_fault(recipe):
        raise RecipeError(f"{file}: {fault}")
    if cached:
        if fault := cached_fault(recipe):
            raise RecipeError(f"{file}: {fault}")
    else:
        for name in ("evaluator", "teacher"):
            _check_origin(made[name], f"{file}: [{name}]")
    if fault := export_fault(recipe.export):
        raise RecipeError(f"{file}: [export]: {fault}")
    _check_student(recipe.student, f"{file}: [student]")
    for phase in recipe.phases:
        if unknown := sorted(set(phase.losses) - set(LOSSES)):
            raise RecipeError(f"{file}: phase {phase.name!r}: unknown losses {unknown}; known: {list(LOSSES)}")
        if fault := _phase_fault(phase):
            raise RecipeError(f"{file}: phase {phase.name!r}: {fault}")
    return recipe


def read_rendered_recipe(file: Path) -> Recipe:
    """As read_recipe, for work that needs rendered scenes and a teacher of ours."""
    recipe = read_recipe(file)
    if recipe.teacher.diffusers is not None:
        raise RecipeError(
            f"{file}: it has a diffusers teacher; follow it as a whole (still distil {file} --out DIR), or by `cache`"
        )
    return recipe


def as_made(part: StudentRecipe | PhaseRecipe) -> dict[str, Any]:
    """What a student, or a phase of it, is made by. A key that came later is left out at its default: older trainings go on."""
    unsaid = {each.name for each in fields(part) if each.name in LATER_KEYS and getattr(part, each.name) == each.default}
    return {key: value for key, value in asdict(part).items() if key not in unsaid}


def on_device(recipe: Recipe, device: str | None) -> Recipe:
    """With another device than the file names, where one is named."""
    wanted = recipe if device is None else replace(recipe, device=device)
    if fault := _compute_fault(wanted):
        raise RecipeError(f"--device: {fault}")
    return wanted


def cached_fault(recipe: Recipe) -> str | None:
    """What a recipe with a diffusers teacher may not say, or has to."""
    teacher, student = recipe.teacher, recipe.student
    if recipe.source or recipe.evaluator != EvaluatorRecipe():
        return "a diffusers teacher is learned from by its prompts: leave out 'source' and [evaluator]"
    if teacher.ready is not None or teacher.channels or teacher.seconds:
        return "[teacher]: 'diffusers' names a ready one, so nothing is trained: leave out 'from', 'channels' and 'seconds'"
    if teacher.prompts is None or teacher.size <= 0:
        return "[teacher]: beside 'diffusers', expected 'prompts' (a file, one a line) and 'size' (pixels a side, more than 0)"
    if teacher.keep not in KEPT:
        return f"[teacher]: keep is {teacher.keep!r}; known: {list(KEPT)}"
    if wrong := [key for key in ("steps", "seeds", "batch_size", "text_length", "held_out") if getattr(teacher, key) < 1]:
        return f"[teacher]: {wrong} must be 1 or more"
    if student.start != "scratch":
        return "[student]: start is 'teacher'; a student of a diffusers teacher has other layers: only 'scratch'"
    for phase in recipe.phases:
        if away := sorted(set(phase.losses) & (set(LOSSES) - set(CACHED_LOSSES))):
            return f"phase {phase.name!r}: {away} need the teacher in memory; from its cache: {list(CACHED_LOSSES)}"
        if phase.pure_noise_share or phase.own_path_share:
            return f"phase {phase.name!r}: pure_noise_share and own_path_share need rendered scenes: leave them out"
    return None


def _compute_fault(recipe: Recipe) -> str | None:
    if recipe.device not in DEVICES:
        return f"device is {recipe.device!r}; known: {list(DEVICES)}"
    for key in ("autocast", "compiled"):
        if not isinstance(value := getattr(recipe, key), bool):
            return f"{key} is {value!r}; expected true or false"
    return None


def _table(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise RecipeError(f"{where}: expected a table, found {value!r}")


def _with_ready(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """`from`, which Python has another use for, as `ready`, and found from wherever the recipe is followed."""
    if "ready" in table:
        raise RecipeError(f"{file}: unknown keys ['ready']; a kept one is named by 'from'")
    table = table | {key: (file.parent / str(table[key])).resolve() for key in ("diffusers", "prompts") if _is_path(table, key)}
    if "from" not in table:
        return table
    rest = {key: value for key, value in table.items() if key != "from"}
    return rest | {"ready": (file.parent / str(table["from"])).resolve()}


def _is_path(table: dict[str, Any], key: str) -> bool:
    # [export] has a number of prompts.
    return isinstance(table.get(key), str)


def _check_origin(part: EvaluatorRecipe | TeacherRecipe, where: str) -> None:
    trained = bool(part.channels) or part.seconds > 0
    if part.ready is not None and trained:
        raise RecipeError(f"{where}: 'from' names a ready one, so nothing is trained: leave out 'channels' and 'seconds'")
    if part.ready is None and not (part.channels and part.seconds > 0):
        raise RecipeError(f"{where}: expected 'channels' and 'seconds' (more than 0) to train one, or 'from' to take a ready one")


def _phase_fault(phase: PhaseRecipe) -> str | None:
    if (phase.steps is None) == (phase.seconds is None):
        return "expected either 'steps' or 'seconds'"
    if (phase.steps if phase.steps is not None else phase.seconds or 0) <= 0:
        return "'steps' or 'seconds' must be more than 0"
    if not phase.rate > 0:
        return f"'rate' is {phase.rate}; expected more than 0"
    shares = (phase.pure_noise_share, phase.own_path_share)
    if min(shares) < 0 or sum(shares) > 1:
        return f"'pure_noise_share' and 'own_path_share' are {shares}; expected 0 at least, and a sum of 1 at most"
    if not any(weight > 0 for weight in phase.losses.values()):
        return "no loss weighs anything"
    return None


def _check_student(student: StudentRecipe, where: str) -> None:
    for key, known in CHOICES.items():
        if (value := getattr(student, key)) not in known:
            raise RecipeError(f"{where}: {key} is {value!r}; known: {list(known)}")
    if student.family == "teacher-unet" and student.attention != "full":
        raise RecipeError(f"{where}: attention is {student.attention!r}; a teacher-unet knows only 'full'")
    if student.positions != "learned" and (student.family == "teacher-unet" or student.attention == "windowed"):
        raise RecipeError(f"{where}: positions is {student.positions!r}; windows and a teacher-unet fix the size: only 'learned'")
    if student.patch < 2 or student.patch % 2:
        # A patch sees half of each neighbour.
        raise RecipeError(f"{where}: patch is {student.patch}; expected an even number from 2 on")
    if not student.temperature > 0:
        raise RecipeError(f"{where}: temperature is {student.temperature}; expected more than 0")
    try:
        for name in student.layers:
            layer_place(name, len(student.channels))
    except ValueError as cause:
        raise RecipeError(f"{where}: layers: {cause}") from cause


def _refuse_unknown(kind: type, table: dict[str, Any], where: str) -> None:
    # A recipe says `from`, see _with_ready.
    known = {each.name for each in fields(kind)}
    if unknown := sorted(table.keys() - known):
        raise RecipeError(
            f"{where}: unknown keys {unknown}; known: {sorted('from' if name == 'ready' else name for name in known)}"
        )


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    _refuse_unknown(kind, table, where)
    required = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    if missing := sorted(required - table.keys()):
        raise RecipeError(f"{where}: lacks the keys {missing}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})

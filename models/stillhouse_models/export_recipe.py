"""What a recipe says about the version that it ends in."""

import re
from dataclasses import dataclass

from stillhouse_models.variants.kinds import VariantError, read_kinds

# As shared/ids.ts has them.
MODEL = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class ExportRecipe:
    """`model` and `steps`: the recipe's name and the student's steps, where they are left out. `teacher_steps`: of the
    teacher's pictures in the evaluation set, which are as good as it can make them."""

    model: str | None = None
    version: str = "1.0.0"
    description: str = ""
    steps: int | None = None
    precisions: tuple[str, ...] = ("fp16", "int8")
    prompts: int = 48
    teacher_steps: int = 12


def export_fault(wanted: ExportRecipe) -> str | None:
    """Found before hours of training, not after them."""
    if wanted.model is not None and not MODEL.fullmatch(wanted.model):
        return f"model is {wanted.model!r}; expected a name such as stickers-lite"
    if not VERSION.fullmatch(wanted.version):
        return f"version is {wanted.version!r}; expected a semantic version such as 1.2.0"
    if wanted.prompts < 2 or wanted.teacher_steps < 1 or (wanted.steps is not None and wanted.steps < 1):
        return "expected prompts of 2 or more, steps and teacher_steps of 1 or more"
    try:
        read_kinds(",".join(wanted.precisions))
    except VariantError as cause:
        return f"precisions: {cause}"
    return None

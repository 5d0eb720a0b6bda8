"""Prompts from a file, one a line; empty lines and lines that begin with # do not count, and no prompt counts twice."""

from pathlib import Path

from stillhouse_models.recipe import RecipeError

LEAST = 2
LONGEST_BYTES = 64 * 2**20


def read_prompts(file: Path) -> list[str]:
    """RecipeError where the file cannot be read or has too few: one to learn from and one to be judged by."""
    try:
        if file.stat().st_size > LONGEST_BYTES:
            raise RecipeError(f"{file} has {file.stat().st_size} bytes; at most {LONGEST_BYTES} are read")
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as cause:
        raise RecipeError(f"{file}: {cause}; expected a text file in UTF-8 with one prompt a line") from cause
    prompts = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if len(prompts) < LEAST:
        found = "no prompt" if not prompts else f"only the prompt {prompts[0]!r}"
        raise RecipeError(f"{file} has {found}; expected {LEAST} or more, one a line")
    return prompts

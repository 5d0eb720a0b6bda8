"""A version that was made beside, put where it belongs: in the place of an older one, with what made it left alone."""

import shutil
from pathlib import Path

from stillhouse_models.manifest import MANIFEST, TRAINING


def place_version(made: Path, out: Path) -> None:
    """The manifest goes first and comes last: what has one is whole. Both folders are of one disk."""
    (out / MANIFEST).unlink(missing_ok=True)
    for old in out.iterdir():
        if old.name != TRAINING:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for part in sorted(made.iterdir(), key=lambda part: part.name == MANIFEST):
        part.rename(out / part.name)

"""Checkpoints on disk: written beside, synced, then renamed, so that a kill or a full disk leaves the older one whole."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from stillhouse_models.faults import ToolkitError


def save_checkpoint(state: dict[str, Any], file: Path) -> None:
    """ToolkitError where it cannot be written; what stood there before stands still."""
    fresh = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as out:
            torch.save(state, out)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    # torch's writer turns some errors of the file below it into RuntimeError.
    except (OSError, RuntimeError) as cause:
        fresh.unlink(missing_ok=True)
        raise ToolkitError(f"{file} could not be saved: {_reason(cause, file)}") from cause


def load_checkpoint(file: Path) -> dict[str, Any]:
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=False))
    except (OSError, RuntimeError, EOFError, ValueError) as cause:
        raise ToolkitError(f"{file} is no checkpoint that can be read ({cause}); delete it to begin this stage again") from cause


def _reason(cause: Exception, file: Path) -> str:
    root = cause if isinstance(cause, OSError) else cause.__context__
    words = root.strerror if isinstance(root, OSError) and root.strerror else str(cause).split("\n")[0]
    free = shutil.disk_usage(file.parent).free // 2**20
    kept = f"the older checkpoint {file.name} is kept" if file.exists() else "there was no older one"
    return f"{words} ({free} MiB free in {file.parent}); {kept}. Make room, then start the same command again"

"""Tensors in numbered files of one folder, each of which is there whole or not at all."""

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stillhouse_models.faults import ToolkitError


def shard_file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:05d}.safetensors"


def write_shard(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Written beside, synced, renamed. ToolkitError where the disk is full; what was there before stands still."""
    fresh = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as out:
            out.write(save({name: tensor.contiguous() for name, tensor in tensors.items()}))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError as cause:
        fresh.unlink(missing_ok=True)
        free = shutil.disk_usage(file.parent).free // 2**20
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
        todo = "Make room" if full else "Mend that"
        raise ToolkitError(
            f"{file} could not be written: {cause.strerror} ({free} MiB free in {file.parent}). The shards before it are kept. "
            f"{todo}, then start the same command again"
        ) from cause


def is_whole(file: Path) -> bool:
    """What was not written by write_shard to its end, or was cut off since, is made again."""
    try:
        with safe_open(str(file), framework="pt") as tensors:
            return bool(tensors.keys())
    except (OSError, SafetensorError):
        return False


def require_room(folder: Path, missing_bytes: int) -> None:
    """ToolkitError before the work, not after hours of it."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < missing_bytes:
        raise ToolkitError(
            f"{folder}: {missing_bytes / 2**20:.1f} MiB are needed and {free / 2**20:.1f} MiB are free: make room, name another "
            '--out, or take fewer prompts, fewer seeds, a smaller size or keep = "final"'
        )

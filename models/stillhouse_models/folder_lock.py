"""One process a folder: a lock that the system lets go of with the process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from stillhouse_models.faults import RefusedError

# One that was told to end saves first.
WAIT_SECONDS = 15


@contextmanager
def folder_lock(folder: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """RefusedError, with the other process's number, where the folder is in use and stays so."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / "process"
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout as cause:
        number = owner.read_text().strip() if owner.exists() else "unknown"
        raise RefusedError(f"{folder} is in use by process {number}: wait for it, or end it; what it has done is kept") from cause
    try:
        owner.write_text(f"{os.getpid()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()

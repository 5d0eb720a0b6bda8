"""Progress of long work: a bar with the time left on a terminal, a plain line now and then otherwise. Always on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY_SECONDS = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yields what is called once for each of the `total` pieces."""
    if not sys.stderr.isatty():
        yield _plain(what, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _plain(what: str, total: int) -> Callable[[], None]:
    done, told = 0, time.monotonic()

    def advance() -> None:
        nonlocal done, told
        done += 1
        if done == total or time.monotonic() - told > PLAIN_EVERY_SECONDS:
            told = time.monotonic()
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)

    return advance

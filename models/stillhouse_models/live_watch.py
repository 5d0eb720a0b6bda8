"""A person or a script watches: a bar on a terminal, plain lines otherwise, on stderr; Ctrl-C and SIGTERM ask to stop.

The first signal lets the running step end and saves; the second one ends at once, at the price of what was not saved yet.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from stillhouse_models.faults import StoppedError
from stillhouse_models.time_left import rate_and_time_left

PLAIN_EVERY_SECONDS = 15.0
STDERR = 2
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A press of Ctrl-C comes from the terminal, and again from whoever started this process: sooner than a person presses twice.
ECHO_SECONDS = 0.3


class LiveWatch:
    def __init__(self, terminal: bool | None = None):
        self.asked: int | None = None
        self.asked_at = 0.0
        self.immediate = False
        self.console = Console(stderr=True, highlight=False)
        self.bar = self._new_bar() if (sys.stderr.isatty() if terminal is None else terminal) else None
        self.task: TaskID | None = None
        self.what = ""
        self.since, self.first, self.told = 0.0, 0.0, 0.0

    def _new_bar(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        return Progress(*columns, console=self.console, transient=True)

    @contextmanager
    def listening(self) -> Iterator["LiveWatch"]:
        """Signals are taken, and the bar is shown, for as long as the context lasts."""
        before = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            if self.bar:
                with self.bar:
                    yield self
            else:
                yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == self.asked == signal.SIGINT and time.monotonic() - self.asked_at < ECHO_SECONDS:
            return
        if self.immediate or self.asked is not None:
            raise StoppedError(number)
        self.asked, self.asked_at = number, time.monotonic()
        # Not through the console: the signal may have come in the middle of a line of its own, or of an import.
        before = "\n" if self.bar else ""
        with suppress(OSError):
            os.write(STDERR, f"{before}stopping after this step …\n".encode())

    @property
    def stop_asked(self) -> bool:
        return self.asked is not None

    def stop_if_asked(self, done: str) -> None:
        if self.asked is not None:
            raise StoppedError(self.asked, done)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        self.stop_if_asked("stopped")
        self.immediate = True
        try:
            yield
        finally:
            self.immediate = False

    def say(self, line: str) -> None:
        # Not through the bar's own lines: they would be wrapped at its width.
        self.console.print(line, soft_wrap=True, markup=False)

    def tell(self, what: str, done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
        now = time.monotonic()
        if what != self.what:
            # Rates count from here: what an earlier run did took other time.
            self.what, self.since, self.first, self.told = what, now, done, now
        text = rate_and_time_left(done, total, unit, done - self.first, now - self.since, figures)
        if self.bar:
            self._draw(what, done, total, text)
        elif now - self.told >= PLAIN_EVERY_SECONDS or done >= total:
            self.told = now
            self.say(f"{what}: {text}")

    def _draw(self, what: str, done: float, total: float, text: str) -> None:
        assert self.bar is not None
        if self.task is None:
            self.task = self.bar.add_task(what, total=total, text=text)
        self.bar.update(self.task, description=what, completed=min(done, total), total=total, text=text)

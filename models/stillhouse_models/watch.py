"""Who watches a long work: hears how far it is, and may ask it to stop at its next step."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Watch(Protocol):
    def stop_if_asked(self, done: str) -> None:
        """Raises StoppedError, with what was kept in its message, once somebody asked. Call it where everything is saved."""

    @property
    def stop_asked(self) -> bool: ...

    def tell(self, what: str, done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
        """`done` of `total` units, "steps" or "seconds"; the figures are the newest losses."""

    def say(self, line: str) -> None:
        """One sentence, once."""

    def at_once(self) -> AbstractContextManager[None]:
        """For work that can be left anywhere and is simply done again: being asked to stop raises StoppedError in its midst."""


class Unwatched:
    """Nobody: never asked to stop, nothing shown."""

    stop_asked = False

    def stop_if_asked(self, done: str) -> None:
        pass

    def tell(self, what: str, done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext()

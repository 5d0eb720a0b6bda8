"""One press of Ctrl-C asks for an orderly end, also where it is heard twice; a second press ends at once."""

import signal
import time

import pytest

from stillhouse_models.faults import StoppedError
from stillhouse_models.live_watch import ECHO_SECONDS, LiveWatch


def test_a_press_that_is_heard_twice_is_one() -> None:
    with LiveWatch(terminal=False).listening() as watch:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert watch.stop_asked
        time.sleep(ECHO_SECONDS)
        with pytest.raises(StoppedError):
            signal.raise_signal(signal.SIGINT)


def test_a_supervisor_is_heard_at_once() -> None:
    with LiveWatch(terminal=False).listening():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(StoppedError):
            signal.raise_signal(signal.SIGTERM)

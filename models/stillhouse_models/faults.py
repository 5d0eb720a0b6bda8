"""Ends of a command that are no bugs: the message says what was wrong, where, and what to do. `exit_code` as `still` has them."""

import signal


class ToolkitError(Exception):
    exit_code = 1


class RefusedError(ToolkitError):
    """Understood, and not done: somebody else is at it, or it would spoil what stands."""

    exit_code = 4


class StoppedError(ToolkitError):
    """Somebody asked the work to end; what was done so far is kept."""

    def __init__(self, number: int, message: str = "stopped"):
        super().__init__(f"{message} ({signal.Signals(number).name}); the same command goes on from there")
        self.exit_code = 128 + number

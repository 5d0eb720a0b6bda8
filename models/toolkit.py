"""The toolkit's commands for `still distil`, which starts this file in the toolkit's environment from any folder.

    python models/toolkit.py [--parent-pipe FD] COMMAND …

With `--parent-pipe`, this process is told to end (as by SIGTERM) when the other end of that pipe closes, that is, however
its parent ends.
"""

import os
import signal
import sys
import threading


def follow(parent_pipe: int) -> None:
    def wait() -> None:
        while os.read(parent_pipe, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--parent-pipe"]:
        follow(int(arguments[1]))
        arguments = arguments[2:]
    from stillhouse_models.cli import main

    main(arguments, "still distil")

"""The one door through which a command's failure leaves: a sentence on stderr, and the exit code that says its kind."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stillhouse_models.faults import ToolkitError
from stillhouse_models.recipe import RecipeError
from stillhouse_models.variants.kinds import VariantError

WRONG_USAGE = 2
INTERRUPTED = 130


@contextmanager
def ends_told() -> Iterator[None]:
    """Anything else is a bug, and shows its traceback."""
    try:
        yield
    except ToolkitError as end:
        _leave(str(end), end.exit_code)
    except RecipeError as end:
        _leave(str(end), WRONG_USAGE)
    except (FloatingPointError, VariantError) as end:
        _leave(str(end), 1)
    except OSError as end:
        # A full disk, a folder that may not be written: the system's words name the file.
        _leave(str(end), 1)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)


def _leave(text: str, code: int) -> None:
    print(f"error: {text}", file=sys.stderr)
    raise SystemExit(code)

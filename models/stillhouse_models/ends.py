"""The one door through which a command's failure leaves: a sentence on stderr, the exit code that says its kind, and with
`--json` an object on stdout, as `shared/command-failure.ts` has it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stillhouse_models.faults import ToolkitError
from stillhouse_models.recipe import RecipeError
from stillhouse_models.variants.kinds import VariantError

WRONG_USAGE = 2
INTERRUPTED = 130
# Of the table of `shared/errors.ts`, by exit code; whatever ended by a signal was stopped.
CODES = {1: "internal", WRONG_USAGE: "invalid_input", 4: "conflict"}


@contextmanager
def ends_told(as_json: bool = False) -> Iterator[None]:
    """Anything else is a bug, and shows its traceback."""
    try:
        yield
    except ToolkitError as end:
        _leave(str(end), end.exit_code, as_json)
    except RecipeError as end:
        _leave(str(end), WRONG_USAGE, as_json)
    except (FloatingPointError, VariantError) as end:
        _leave(str(end), 1, as_json)
    except OSError as end:
        # A full disk, a folder that may not be written: the system's words name the file.
        _leave(str(end), 1, as_json)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED, as_json)
    except SystemExit as end:
        # Typer has said on stderr what it could not read, and leaves with that as the context.
        words = getattr(end.__context__, "format_message", None)
        if as_json and words:
            _tell_program(words(), WRONG_USAGE)
        raise


def _leave(text: str, code: int, as_json: bool) -> None:
    print(f"error: {text}", file=sys.stderr)
    if as_json:
        _tell_program(text, code)
    raise SystemExit(code)


def _tell_program(message: str, code: int) -> None:
    print(json.dumps({"error": {"code": CODES.get(code, "timeout"), "message": message}}))

"""What a user may type: every command once, with help; recipes in a command's place; failures as sentences with exit codes."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillhouse_models.cli import app, completed, main

MODELS = Path(__file__).parents[1]
NAMES = [command.name or "" for command in app.registered_commands]


def test_every_command_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(NAMES).items() if count > 1 or not name] == []
    functions = [command.callback.__name__ for command in app.registered_commands if command.callback]
    assert [name for name, count in Counter(functions).items() if count > 1] == []
    # A second function of one name would have hidden the first one's command in this module, not in the table above.
    files = ("cli.py", "adapt/commands.py", "diffusers_export/commands.py")
    texts = "".join((MODELS / "stillhouse_models" / file).read_text() for file in files)
    assert texts.count("app.command(") == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"])
    assert answer.exit_code == 0
    assert "Usage" in answer.output


def test_the_help_lists_every_command() -> None:
    answer = CliRunner().invoke(app, ["--help"])
    assert [name for name in NAMES if name not in answer.output] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["r.toml", "--out", "d"], ["run", "r.toml", "--out", "d"]),
        (["--out", "d", "r.toml"], ["run", "--out", "d", "r.toml"]),
        (["--json", "r.toml", "--out", "d"], ["run", "--json", "r.toml", "--out", "d"]),
        (["inspect", "--json"], ["inspect", "--json"]),
        (["--help"], ["--help"]),
        ([], []),
        (["nonsense"], ["nonsense"]),
    ],
)
def test_a_recipe_may_stand_in_the_place_of_a_command(typed: list[str], meant: list[str]) -> None:
    assert completed(typed) == meant


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["inspect", "--channels", "32,x"], 2, "--channels is '32,x'"),
        (["inspect", "--family", "big-unet"], 2, "lite-unet"),
        (["inspect", "--sizes", "30"], 2, "multiple of 16"),
        (["plot", str(MODELS / "recipes")], 1, "holds no log"),
        (["run", str(MODELS / "pyproject.toml"), "--out", "/nowhere"], 2, "unknown keys"),
    ],
)
def test_a_failure_is_a_sentence_and_a_code(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == code
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert words in told


@pytest.mark.parametrize(
    ("arguments", "code", "error", "words"),
    [
        (["inspect", "--channels", "32,x", "--json"], 2, "invalid_input", "--channels is '32,x'"),
        (["plot", str(MODELS / "recipes"), "--json"], 1, "internal", "holds no log"),
        (["inspect", "--no-such", "--json"], 2, "invalid_input", "--no-such"),
        (["plot", "/nowhere", "--json"], 2, "invalid_input", "/nowhere"),
    ],
)
def test_a_failure_is_an_object_for_a_program(
    arguments: list[str], code: int, error: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == code
    told = capsys.readouterr()
    failure = json.loads(told.out)["error"]
    assert failure["code"] == error
    assert words in failure["message"]
    assert told.err


# Modules for people without torch's patience: they must not import it.
LIGHT = (
    "cli", "manifest", "adherence", "pipeline", "noise", "canonical_json", "golden", "recipe", "scheduler",
    "quality.evaluate_version", "stages", "live_watch",
)  # fmt: skip


def test_what_needs_no_torch_does_not_load_it() -> None:
    asked = f"""
import importlib, sys
for name in {LIGHT!r}:
    importlib.import_module("stillhouse_models." + name)
    assert "torch" not in sys.modules, name
from stillhouse_models import LiteUNet
assert LiteUNet(channels=[8, 16], num_res_blocks=1).config["channels"] == [8, 16]
"""
    done = subprocess.run([sys.executable, "-c", asked], cwd=MODELS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

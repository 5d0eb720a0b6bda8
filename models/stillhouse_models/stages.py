"""Which stages of a run are over, and what each was made from, so that a stage is neither repeated nor mixed with another."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from stillhouse_models.faults import RefusedError
from stillhouse_models.watch import Watch


class Stages:
    """One JSON file: stage -> {"from": what it was begun with, "done": bool}."""

    def __init__(self, file: Path):
        self.file = file
        self.table: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}

    def begin(self, name: str, made_from: Mapping[str, Any]) -> bool:
        """False where the stage is over. RefusedError where it was begun from something else."""
        plain = as_plain(made_from)
        entry = self.table.get(name)
        if entry is None:
            self.table[name] = {"from": plain, "done": False}
            self._write()
            return True
        if changed := [key for key in plain.keys() | entry["from"].keys() if plain.get(key) != entry["from"].get(key)]:
            raise RefusedError(
                f"{self.file.parent}: the stage {name!r} was begun with another recipe "
                f"({difference(entry['from'], plain, changed)}): go on with that one, or begin in another folder"
            )
        return not entry["done"]

    def forget(self, name: str) -> None:
        """The stage will be done again, from whatever it is begun with then."""
        if self.table.pop(name, None) is not None:
            self._write()

    def is_current(self, name: str, made_from: Mapping[str, Any]) -> bool:
        entry = self.table.get(name)
        return entry is not None and entry["from"] == as_plain(made_from)

    def finish(self, name: str) -> None:
        self.table[name]["done"] = True
        self._write()

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_name(self.file.name + ".new")
        fresh.write_text(json.dumps(self.table, indent=1, sort_keys=True) + "\n")
        fresh.replace(self.file)


def do_stage(stages: Stages, name: str, made_from: Mapping[str, Any], watch: Watch, work: Callable[[], object]) -> None:
    """What `work` returns is not kept: its result stands on disk."""
    if not stages.begin(name, made_from):
        watch.say(f"{name}: done already")
        return
    watch.say(f"{name} …")
    begun = time.monotonic()
    work()
    stages.finish(name)
    watch.say(f"{name}: done in {time.monotonic() - begun:.0f} s")


def as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it, so that what was written and what was read compare equal."""
    tables = {
        key: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value for key, value in values.items()
    }
    return dict(json.loads(json.dumps(tables, default=str)))


def difference(before: Mapping[str, Any], now: Mapping[str, Any], changed: list[str]) -> str:
    """`[student] channels: [32, 64] before, [16, 32] now`, a few of them."""
    found = []
    for key in sorted(changed):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
            found += [f"[{key}] {name}: {old.get(name)} before, {new.get(name)} now" for name in sorted(inner)]
        else:
            found.append(f"{key}: {old} before, {new} now")
    return "; ".join(found[:5])


def digest_of(place: Path) -> str:
    """sha256 over a file's bytes, or over a folder's files and their names; of what is not there, the path."""
    if not place.exists():
        return str(place)
    total = hashlib.sha256()
    for file in sorted(each for each in ([place] if place.is_file() else place.rglob("*")) if each.is_file()):
        total.update(file.relative_to(place).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()

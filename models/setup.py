"""Make `models/.venv`, the toolkit's own Python environment, from the hashed lock.

Run it with any Python >= 3.11; it imports nothing beyond the standard library:

    python3 models/setup.py            make or update the environment
    python3 models/setup.py --check    exit 1 if it is not up to date
    python3 models/setup.py --relock   resolve requirements.in again

With `--optimum` it is `models/.venv-optimum`, which holds Hugging Face's own exporters for `npm run parity -- --optimum`.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

UV_VERSION = "0.9.11"
FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Environment:
    """One folder and the lock that it is made from."""

    name: str
    requirements: str
    size: str
    """What the making of it costs, as it is told beforehand."""

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def lock(self) -> Path:
        return FOLDER / f"{self.requirements}.lock"

    @property
    def stamp(self) -> Path:
        return self.folder / "stillhouse-lock.sha256"

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


TOOLKIT = Environment(
    ".venv", "requirements", "about 3 GB to download on x86-64 Linux (torch with CUDA libraries), 5.2 GB on disk"
)
OPTIMUM = Environment(".venv-optimum", "requirements-optimum", "about 3 GB to download, less what is cached, 5.8 GB on disk")


def lock_digest(wanted: Environment) -> str:
    return hashlib.sha256(wanted.lock.read_bytes() + UV_VERSION.encode()).hexdigest()


def is_current(wanted: Environment) -> bool:
    return wanted.python.exists() and wanted.stamp.exists() and wanted.stamp.read_text().strip() == lock_digest(wanted)


def make_environment(wanted: Environment) -> None:
    python = wanted.python
    # One that was cut off while it was made has no pip, and is made anew.
    if not python.exists() or subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        venv.create(wanted.folder, clear=python.exists(), with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"], check=True)


def relock(wanted: Environment) -> None:
    make_environment(wanted)
    # --no-header and no index annotation: the file must not name a registry or a path of this machine.
    subprocess.run(
        [wanted.python, "-m", "uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-annotate",
         "--python-version", "3.11", "--quiet", "--no-emit-index-url", f"{wanted.requirements}.in", "-o", wanted.lock.name],
        check=True, cwd=FOLDER,
    )  # fmt: skip


def sync(wanted: Environment) -> None:
    make_environment(wanted)
    # uv itself stays: `sync` removes what the lock does not name, so it is not asked to run from inside twice.
    subprocess.run(
        [wanted.python, "-m", "uv", "pip", "sync", "--require-hashes", "--python", wanted.python, wanted.lock.name],
        check=True,
        cwd=FOLDER,
    )
    wanted.stamp.write_text(lock_digest(wanted) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--relock", action="store_true")
    parser.add_argument("--optimum", action="store_true")
    arguments = parser.parse_args()
    wanted = OPTIMUM if arguments.optimum else TOOLKIT
    if arguments.relock:
        relock(wanted)
    if is_current(wanted):
        print(f"models/{wanted.name} is up to date")
        return 0
    if arguments.check:
        again = " --optimum" if arguments.optimum else ""
        print(f"models/{wanted.name} is missing or out of date: run python3 models/setup.py{again}", file=sys.stderr)
        return 1
    print(f"Making models/{wanted.name}: {wanted.size}.", flush=True)
    try:
        sync(wanted)
    except (OSError, subprocess.CalledProcessError) as cause:
        return explain(wanted, cause)
    print(f"models/{wanted.name} is ready")
    return 0


def explain(wanted: Environment, cause: Exception) -> int:
    """What to do about it, as far as one can tell; the program that failed has said its own words before."""
    free = shutil.disk_usage(FOLDER).free / 2**30
    if "ensurepip" in str(cause):
        remedy = "this Python cannot make environments: on Debian, sudo apt install python3-venv"
    elif free < 6:
        remedy = f"{free:.1f} GB are free in {FOLDER}, and 6 GB are needed (the download is kept meanwhile)"
    else:
        remedy = "see above; it needs a network that reaches a Python package registry, and goes on where it stopped"
    print(f"models/{wanted.name} could not be made: {remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())

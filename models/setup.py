"""Make `models/.venv`, the toolkit's own Python environment, from the hashed lock.

Run it with any Python >= 3.11; it imports nothing beyond the standard library:

    python3 models/setup.py            make or update the environment
    python3 models/setup.py --check    exit 1 if it is not up to date
    python3 models/setup.py --relock   resolve requirements.in again
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

UV_VERSION = "0.9.11"
FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = FOLDER / ".venv"
LOCK = FOLDER / "requirements.lock"
STAMP = ENVIRONMENT / "stillhouse-lock.sha256"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes() + UV_VERSION.encode()).hexdigest()


def is_current() -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text().strip() == lock_digest()


def make_environment() -> None:
    # One that was cut off while it was made has no pip, and is made anew.
    if not PYTHON.exists() or subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode:
        venv.create(ENVIRONMENT, clear=PYTHON.exists(), with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"], check=True)


def relock() -> None:
    make_environment()
    # --no-header and no index annotation: the file must not name a registry or a path of this machine.
    subprocess.run(
        [PYTHON, "-m", "uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-annotate",
         "--python-version", "3.11", "--quiet", "--no-emit-index-url", "requirements.in", "-o", LOCK.name],
        check=True, cwd=FOLDER,
    )  # fmt: skip


def sync() -> None:
    make_environment()
    # uv itself stays: `sync` removes what the lock does not name, so it is not asked to run from inside twice.
    subprocess.run([PYTHON, "-m", "uv", "pip", "sync", "--require-hashes", "--python", PYTHON, LOCK.name], check=True, cwd=FOLDER)
    STAMP.write_text(lock_digest() + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--relock", action="store_true")
    arguments = parser.parse_args()
    if arguments.relock:
        relock()
    if is_current():
        print("models/.venv is up to date")
        return 0
    if arguments.check:
        print("models/.venv is missing or out of date: run python3 models/setup.py", file=sys.stderr)
        return 1
    print("Making models/.venv: about 3 GB to download on x86-64 Linux (torch with CUDA libraries), 5.2 GB on disk.", flush=True)
    try:
        sync()
    except (OSError, subprocess.CalledProcessError) as cause:
        return explain(cause)
    print("models/.venv is ready")
    return 0


def explain(cause: Exception) -> int:
    """What to do about it, as far as one can tell; the program that failed has said its own words before."""
    free = shutil.disk_usage(FOLDER).free / 2**30
    if "ensurepip" in str(cause):
        remedy = "this Python cannot make environments: on Debian, sudo apt install python3-venv"
    elif free < 6:
        remedy = f"{free:.1f} GB are free in {FOLDER}, and 6 GB are needed (the download is kept meanwhile)"
    else:
        remedy = "see above; it needs a network that reaches a Python package registry, and goes on where it stopped"
    print(f"models/.venv could not be made: {remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())

"""A variant's load time, latency and peak memory with the bare runtime, in a process of its own.

python -m stillhouse_models.measure VARIANT_FOLDER STEPS INFERENCE_PRECISION
"""

import json
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from stillhouse_models.inference_precision import F32, processor_computes_in

PICTURES = 12


def measure(folder: Path, steps: int, inference_precision: str = F32) -> dict[str, object]:
    """The manifest's `measured`. Computed in f32, and said so, where this processor has not what is asked for."""
    if not processor_computes_in(inference_precision):
        return measure(folder, steps) | {"inferencePrecision": F32}
    settings = [str(folder.resolve()), str(steps), inference_precision]
    command = [sys.executable, "-m", "stillhouse_models.measure", *settings]
    # The package is found beside itself, from wherever the toolkit was called.
    package = Path(__file__).resolve().parents[1]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=package).stdout))


def _measure_here(folder: Path, steps: int, inference_precision: str) -> dict[str, object]:
    from stillhouse_models.pipeline import Pipeline

    begin = time.perf_counter()
    pipeline = Pipeline.load(folder, inference_precision=inference_precision)
    loaded = time.perf_counter()
    times = []
    for seed in range(PICTURES):
        start = time.perf_counter()
        pipeline("a fox on teal background", seed, steps)
        times.append(time.perf_counter() - start)
    return {
        "machine": f"{platform.machine()}, {platform.system()}, one thread",
        "process": "python",
        "peakRssBytes": _peak_rss_bytes(),
        "loadMs": round((loaded - begin) * 1000, 1),
        "latencyMs": round(sorted(times)[PICTURES // 2] * 1000, 1),
    }


def _peak_rss_bytes() -> int:
    # Not getrusage: its ru_maxrss is inherited over fork and exec, and would be the parent's.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    print(json.dumps(_measure_here(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))

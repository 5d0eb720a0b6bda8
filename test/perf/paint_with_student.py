"""The other side of others.ts for the project's own students: FOLDER THREADS SIDE. For every line "STEPS" one picture by PyTorch."""

import sys
import time
from pathlib import Path

import torch
from stillhouse_models.variants.parity import torch_pipeline
from stillhouse_models.weights import load_painter

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)

pipeline = torch_pipeline(load_painter(Path(folder)), shift=1.0)
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    pipeline("a red fox", 1, int(line))
    print(1000 * (time.perf_counter() - begun), flush=True)

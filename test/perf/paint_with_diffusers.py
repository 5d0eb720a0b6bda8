"""The other side of others.ts: FOLDER THREADS SIDE PRECISION (f32, bf16). For every line "STEPS" one picture, whose milliseconds go back."""

import sys
import time
from pathlib import Path

import torch
from stillhouse_models.diffusers_export.read_pipeline import read_pipeline

folder, threads, side, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)

pipeline = read_pipeline(Path(folder)).to({"f32": torch.float32, "bf16": torch.bfloat16}[precision])
pipeline.set_progress_bar_config(disable=True)
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    with torch.no_grad():
        pipeline(
            "a red fox", num_inference_steps=int(line), guidance_scale=1.0, width=side, height=side,
            generator=torch.Generator().manual_seed(1),
        )  # fmt: skip
    print(1000 * (time.perf_counter() - begun), flush=True)

"""As paint_with_diffusers.py, with stable-diffusion.cpp: FOLDER THREADS SIDE, FOLDER being one of diffusers.

It knows a family by the text encoder's names as transformers wrote them before version 5, so it gets that file with those; the
weights are the same.
"""

import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file, save_file
from stable_diffusion_cpp import StableDiffusion

source, threads, side = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with tempfile.TemporaryDirectory() as made:
    folder = Path(made)
    for part in ("unet", "vae", "tokenizer", "scheduler", "model_index.json"):
        (folder / part).symlink_to(source / part)
    (folder / "text_encoder").mkdir()
    weights = load_file(source / "text_encoder/model.safetensors")
    named = {name if name.startswith("text_model.") else f"text_model.{name}": tensor for name, tensor in weights.items()}
    save_file(named, folder / "text_encoder/model.safetensors")
    pipeline = StableDiffusion(model_path=str(folder), n_threads=threads, wtype="f32", verbose=False)
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    painted = pipeline.generate_image(
        "a red fox", width=side, height=side, cfg_scale=1.0, sample_steps=int(line), seed=1, sample_method="euler"
    )
    if painted[0].size != (side, side):
        raise SystemExit(f"a picture of {painted[0].size}")
    print(1000 * (time.perf_counter() - begun), flush=True)

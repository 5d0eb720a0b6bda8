"""Step-by-step vectors of diffusers' schedulers, which the TypeScript ones are compared with.

cd models && .venv/bin/python -m stillhouse_models.parity_schedulers ../test/golden/schedulers.json [FIRST_SEED]
"""

import json
import sys
from pathlib import Path

import diffusers
import torch

VALUES = 16
STABLE_DIFFUSION = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False,
    "set_alpha_to_one": False, "steps_offset": 1,
}  # fmt: skip
CONFIGS: tuple[tuple[str, dict[str, object]], ...] = tuple(
    [
        (name, {**STABLE_DIFFUSION, "timestep_spacing": spacing, "prediction_type": prediction})
        for name in ("DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")
        for spacing in ("leading", "linspace", "trailing")
        for prediction in ("epsilon", "v_prediction")
    ]
    + [("DDIMScheduler", {}), ("DDIMScheduler", {"prediction_type": "sample"}), ("LCMScheduler", {})]
    + [("LCMScheduler", {**STABLE_DIFFUSION, "prediction_type": "v_prediction", "clip_sample": True})]
)
STEPS = (1, 2, 4, 7, 25)


def vectors(first_seed: int) -> dict[str, object]:
    """Model outputs and noise are torch's randn, so that a seed stands for them; samples are float32 [16]."""
    cases = [
        _case(name, config, steps, first_seed + 1000 * i)
        for i, (name, config, steps) in enumerate((n, c, s) for n, c in CONFIGS for s in STEPS)
    ]
    return {"source": f"diffusers {diffusers.__version__}", "values": VALUES, "cases": cases}


def _case(name: str, config: dict[str, object], steps: int, seed: int) -> dict[str, object]:
    scheduler = getattr(diffusers, name).from_config(config)
    scheduler.set_timesteps(steps)
    sample = _randn(seed) * scheduler.init_noise_sigma
    inputs, samples = [], []
    for step, timestep in enumerate(scheduler.timesteps):
        inputs.append(scheduler.scale_model_input(sample, timestep).tolist())
        noise = {} if name == "DDIMScheduler" else {"generator": torch.Generator().manual_seed(seed + 500 + step)}
        sample = scheduler.step(_randn(seed + 1 + step), timestep, sample, **noise).prev_sample
        samples.append(sample.tolist())
    return {
        "config": {"_class_name": name, **config}, "steps": steps, "seed": seed,
        "timesteps": scheduler.timesteps.tolist(), "initNoiseSigma": float(scheduler.init_noise_sigma),
        "firstInput": inputs[0], "lastInput": inputs[-1], "samples": samples,
    }  # fmt: skip


def _randn(seed: int) -> torch.Tensor:
    return torch.randn(VALUES, generator=torch.Generator().manual_seed(seed))


if __name__ == "__main__":
    out, first_seed = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 42
    out.write_text(json.dumps(vectors(first_seed), separators=(",", ":")) + "\n")

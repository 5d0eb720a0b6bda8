"""Step-by-step vectors of diffusers' schedulers, which the TypeScript ones are compared with.

cd models && .venv/bin/python -m stillhouse_models.parity_schedulers multistep ../test/golden/schedulers-multistep.json [SEED]
and `single` for ../test/golden/schedulers.json.
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
Case = tuple[str, dict[str, object], dict[str, object]]
"""Class, its settings, and what a pipeline of flow matching hands to `set_timesteps`."""

STOCHASTIC = ("EulerAncestralDiscreteScheduler", "LCMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")
SINGLE: list[Case] = [
    (name, {**STABLE_DIFFUSION, "timestep_spacing": spacing, "prediction_type": prediction}, {})
    for name in ("DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")
    for spacing in ("leading", "linspace", "trailing")
    for prediction in ("epsilon", "v_prediction")
]
SINGLE += [("DDIMScheduler", {}, {}), ("DDIMScheduler", {"prediction_type": "sample"}, {}), ("LCMScheduler", {}, {})]
SINGLE += [("LCMScheduler", {**STABLE_DIFFUSION, "prediction_type": "v_prediction", "clip_sample": True}, {})]
SINGLE += [
    (
        name,
        {**STABLE_DIFFUSION, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
        {},
    )
    for name in ("DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "LCMScheduler")
]
SINGLE += [("DDIMScheduler", {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}, {})]


def _multistep() -> list[Case]:
    # UniPC's bh1 ends in no numbers at a final level of zero: the reference multiplies infinity by nothing.
    spacings, predictions = ("leading", "linspace", "trailing"), ("epsilon", "v_prediction", "sample")
    cases: list[dict[str, object]] = []
    for i, spacing in enumerate(spacings):
        cases.append({"_class_name": "PNDMScheduler", "skip_prk_steps": True, "timestep_spacing": spacing})
        cases.append({"_class_name": "PNDMScheduler", "timestep_spacing": spacing, "prediction_type": predictions[i % 2]})
        cases += [
            {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": kind, "solver_type": solver,
             "timestep_spacing": spacing, "prediction_type": predictions[i]}
            for kind in ("dpmsolver++", "sde-dpmsolver++") for solver in ("midpoint", "heun")
        ]  # fmt: skip
        cases += [
            {"_class_name": "UniPCMultistepScheduler", "solver_type": solver, "solver_order": order,
             "timestep_spacing": spacing, "prediction_type": predictions[(i + order) % 3],
             "final_sigmas_type": "sigma_min" if solver == "bh1" else "zero"}
            for order in (1, 2, 3) for solver in ("bh1", "bh2")
        ]  # fmt: skip
    dpm, unipc = {"_class_name": "DPMSolverMultistepScheduler"}, {"_class_name": "UniPCMultistepScheduler"}
    cases += [
        {**dpm, "use_karras_sigmas": True},
        {**dpm, "use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++", "final_sigmas_type": "sigma_min"},
        {**dpm, "solver_order": 1},
        {**dpm, "euler_at_final": True, "lower_order_final": False, "final_sigmas_type": "sigma_min"},
        {**dpm, "lambda_min_clipped": -5.1},
        {**dpm, "use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"},
        {**unipc, "use_karras_sigmas": True, "final_sigmas_type": "sigma_min"},
        {**unipc, "disable_corrector": [0, 2], "final_sigmas_type": "sigma_min"},
        {**unipc, "use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"},
        {"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": True},
        {"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0},
        {"_class_name": "EulerDiscreteScheduler", "use_exponential_sigmas": True},
        {"_class_name": "EulerAncestralDiscreteScheduler", "use_karras_sigmas": True, "sigma_max": 10.0},
        {"_class_name": "PNDMScheduler", "skip_prk_steps": True, "rescale_betas_zero_snr": True},
        {**dpm, "use_exponential_sigmas": True, "sigma_min": 0.05},
        {**unipc, "use_exponential_sigmas": True, "final_sigmas_type": "sigma_min"},
        {**dpm, "beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1, "prediction_type": "v_prediction"},
        {**unipc, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"},
        {**dpm, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
        {**unipc, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
        {"_class_name": "EulerDiscreteScheduler", "sigma_min": 0.05, "sigma_max": 10.0},
        # Its class declares neither, and takes them all the same.
        {**dpm, "use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0},
    ]
    found: list[Case] = [
        (str(case.pop("_class_name")), {**STABLE_DIFFUSION, **case}, {}) for case in (dict(case) for case in cases)
    ]
    flow, dynamic = "FlowMatchEulerDiscreteScheduler", {"use_dynamic_shifting": True}
    found += [
        (flow, {"shift": 3.0}, {}),
        (flow, {"shift": 1.0}, {"sigmas": "linear"}),
        (flow, {**dynamic}, {"mu": 0.75, "sigmas": "linear"}),
        (flow, {**dynamic, "time_shift_type": "linear"}, {"mu": 2.5}),
        (flow, {**dynamic}, {"mu": 1.15}),
    ]
    return found


SETS: dict[str, tuple[list[Case], tuple[int, ...]]] = {
    "single": (SINGLE, (1, 2, 4, 7, 25)),
    "multistep": (_multistep(), (1, 2, 5, 20)),
}


def vectors(name: str, first_seed: int) -> dict[str, object]:
    """Noise is torch's randn, so that a seed stands for it; samples are float32 [16].

    Model outputs are such noise, too, or, for the multistep solvers, mostly the sample itself: pure noise would let them find
    pictures that are hundreds of times too bright, whose cancelling drowns single precision.
    """
    cases, steps = SETS[name]
    shares = {"sample": 1.0, "noise": 0.125} if name == "multistep" else {"sample": 0.0, "noise": 1.0}
    runs = [(case, count) for case in cases for count in steps if _takes(case, count)]
    made = [_case(case, count, first_seed + 1000 * i, shares) for i, (case, count) in enumerate(runs)]
    return {"source": f"diffusers {diffusers.__version__}", "values": VALUES, "outputShares": shares, "cases": made}


def _takes(case: Case, steps: int) -> bool:
    """PNDM with Runge-Kutta steps begins with four of them; with one step its trial has nothing to go on from."""
    name, config, _ = case
    return name != "PNDMScheduler" or steps >= (2 if config.get("skip_prk_steps") else 4)


def _case(case: Case, steps: int, seed: int, shares: dict[str, float]) -> dict[str, object]:
    name, config, flow = case
    scheduler = getattr(diffusers, name).from_config(config)
    levels = [1 - i / steps for i in range(steps)] if flow.get("sigmas") else None
    given = {key: value for key, value in {"mu": flow.get("mu"), "sigmas": levels}.items() if value is not None}
    scheduler.set_timesteps(steps, **given)
    sample = _randn(seed) * getattr(scheduler, "init_noise_sigma", 1.0)
    inputs, samples = [], []
    for step, timestep in enumerate(scheduler.timesteps):
        scale = getattr(scheduler, "scale_model_input", None)
        inputs.append(_numbers(scale(sample, timestep) if scale else sample))
        noise = {"generator": torch.Generator().manual_seed(seed + 500 + step)} if name in STOCHASTIC else {}
        output = sample * shares["sample"] + _randn(seed + 1 + step) * shares["noise"]
        sample = scheduler.step(output, timestep, sample, **noise).prev_sample
        samples.append(_numbers(sample))
    return {
        "config": {"_class_name": name, **config}, "flow": given, "steps": steps, "seed": seed,
        "timesteps": [float(f"{t:.9g}") for t in scheduler.timesteps.tolist()],
        "initNoiseSigma": float(getattr(scheduler, "init_noise_sigma", 1.0)),
        "firstInput": inputs[0], "lastInput": inputs[-1], "samples": samples,
    }  # fmt: skip


def _numbers(sample: torch.Tensor) -> list[float]:
    """Nine digits tell every float32 from its neighbours."""
    return [float(f"{value:.9g}") for value in sample.flatten().tolist()]


def _randn(seed: int) -> torch.Tensor:
    """[1, 16]: UniPC wants a batch."""
    return torch.randn(VALUES, generator=torch.Generator().manual_seed(seed)).unsqueeze(0)


if __name__ == "__main__":
    name, out, first_seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 42
    out.write_text(json.dumps(vectors(name, first_seed), separators=(",", ":")) + "\n")

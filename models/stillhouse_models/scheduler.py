"""Flow-matching Euler steps from a scheduler_config.json, as diffusers' FlowMatchEulerDiscreteScheduler takes them.

Without explicit sigmas diffusers starts from timesteps between its own (already shifted) largest and smallest sigma and
shifts them again; the same is done here, so that the smallest of N steps agrees.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FlowMatchEuler:
    num_train_timesteps: int = 1000
    shift: float = 1.0

    @classmethod
    def from_config(cls, config: dict[str, object]) -> "FlowMatchEuler":
        if config.get("_class_name") != "FlowMatchEulerDiscreteScheduler":
            raise ValueError(f"scheduler {config.get('_class_name')!r} is not supported; use FlowMatchEulerDiscreteScheduler")
        if config.get("use_dynamic_shifting"):
            raise ValueError("use_dynamic_shifting is not supported here")
        return cls(int(str(config.get("num_train_timesteps", 1000))), float(str(config.get("shift", 1.0))))

    def sigmas(self, steps: int) -> np.ndarray:
        """float32 [steps + 1], from 1 down to a final 0."""
        count = self.num_train_timesteps
        largest, smallest = self._shifted(1.0), self._shifted(1.0 / count)
        levels = np.linspace(largest * count, smallest * count, steps) / count
        return np.append(self._shifted(levels), 0).astype(np.float32)

    def _shifted(self, sigma):  # type: ignore[no-untyped-def]
        return self.shift * sigma / (1 + (self.shift - 1) * sigma)

    def timesteps(self, steps: int) -> np.ndarray:
        """float32 [steps]: sigma * num_train_timesteps, what the denoiser is told."""
        return (self.sigmas(steps)[:-1] * self.num_train_timesteps).astype(np.float32)


def euler_step(sample: np.ndarray, velocity: np.ndarray, sigma: np.float32, following: np.float32) -> np.ndarray:
    return sample + velocity * (following - sigma)

import numpy as np
import pytest
from diffusers import FlowMatchEulerDiscreteScheduler

from stillhouse_models.scheduler import FlowMatchEuler
from stillhouse_models.training.sampling import sigmas


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("steps", [1, 2, 4, 8, 20])
def test_sigmas_are_those_of_diffusers(shift: float, steps: int) -> None:
    reference = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)
    reference.set_timesteps(steps)
    np.testing.assert_allclose(FlowMatchEuler(1000, shift).sigmas(steps), reference.sigmas.numpy(), atol=1e-6)


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_training_samples_along_the_same_levels(steps: int) -> None:
    np.testing.assert_allclose(sigmas(steps), FlowMatchEuler().sigmas(steps), atol=1e-6)


def test_another_scheduler_is_refused() -> None:
    with pytest.raises(ValueError, match="DDIMScheduler"):
        FlowMatchEuler.from_config({"_class_name": "DDIMScheduler"})

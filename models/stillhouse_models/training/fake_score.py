"""The rival of distribution matching: a copy of the teacher that learns to denoise what the student paints."""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.losses.distribution_matching import distribution_matching
from stillhouse_models.losses.mse import mse
from stillhouse_models.losses.paths import renoised
from stillhouse_models.training.compute_device import half_on
from stillhouse_models.training.guided_teacher import GuidedTeacher
from stillhouse_models.training.moment import Moment, random_levels, random_noise
from stillhouse_models.weights import Painter

# The copy knows nearly everything already: it follows the student at a tenth of its rate.
RATE_SHARE = 0.1


class FakeScore:
    def __init__(self, teacher: Painter, guidance: float):
        self.guided = GuidedTeacher(teacher, guidance)
        self.network = copy.deepcopy(teacher.unet).requires_grad_(True)
        self.adam = torch.optim.AdamW(self.network.parameters(), lr=0.0, betas=(0.9, 0.97), weight_decay=0.0)

    def loss(self, moment: Moment, rng: np.random.Generator) -> Tensor:
        painted = moment.clean[: moment.asked]
        level, noise = random_levels(rng, moment.asked, painted.device), random_noise(rng, painted)
        with torch.no_grad():
            noisy = renoised(painted, level, noise)
            teacher = self.guided.answer(noisy, level, moment.lesson.ids[: moment.asked])
            own = self._answer(noisy, level, moment)
        return distribution_matching(painted, teacher, own)

    def learn(self, moment: Moment, rate: float, rng: np.random.Generator) -> float:
        painted = moment.clean[: moment.asked].detach()
        level, noise = random_levels(rng, moment.asked, painted.device), random_noise(rng, painted)
        self.adam.zero_grad(set_to_none=True)
        loss = mse(self._answer(renoised(painted, level, noise), level, moment), painted, level * 1000)
        loss.backward()
        self.adam.param_groups[0]["lr"] = rate * RATE_SHARE
        self.adam.step()
        return loss.item()

    def _answer(self, noisy: Tensor, level: Tensor, moment: Moment) -> Tensor:
        with half_on(noisy.device):
            return self.network.clean(noisy, level * 1000, moment.context[: moment.asked]).float()

    def state(self) -> dict[str, object]:
        return {"network": self.network.state_dict(), "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])

"""The rival of the adversarial loss: a discriminator on the frozen teacher's features, with its optimiser."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.losses.adversarial import Discriminator, fooled, hinge
from stillhouse_models.losses.paths import renoised
from stillhouse_models.training.compute_device import half_on, place_of
from stillhouse_models.training.moment import Moment, random_levels, random_noise
from stillhouse_models.training.teacher_features import TeacherFeatures


class Adversary:
    def __init__(self, features: TeacherFeatures):
        self.features = features
        self.network = Discriminator(features.widths).to(place_of(features.unet))
        self.adam = torch.optim.AdamW(self.network.parameters(), lr=0.0, betas=(0.5, 0.97), weight_decay=0.0)

    def loss(self, moment: Moment, rng: np.random.Generator) -> Tensor:
        painted = moment.clean[: moment.asked]
        level, noise = random_levels(rng, moment.asked, painted.device), random_noise(rng, painted)
        return fooled(self._verdicts(renoised(painted, level, noise), level, moment))

    def learn(self, moment: Moment, rate: float, rng: np.random.Generator) -> float:
        painted, rendered = moment.clean[: moment.asked].detach(), moment.lesson.truth[: moment.asked]
        level, noise = random_levels(rng, moment.asked, painted.device), random_noise(rng, painted)
        self.adam.zero_grad(set_to_none=True)
        loss = hinge(*(self._verdicts(renoised(seen, level, noise), level, moment) for seen in (rendered, painted)))
        loss.backward()
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()
        return loss.item()

    def _verdicts(self, noisy: Tensor, level: Tensor, moment: Moment) -> Tensor:
        features = self.features.of(noisy, level, moment.context[: moment.asked])
        with half_on(noisy.device):
            verdicts: Tensor = self.network(features)
            return verdicts

    def state(self) -> dict[str, object]:
        return {"network": self.network.state_dict(), "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])

"""The guided teacher, asked again at other points than the lesson's."""

import torch
from torch import Tensor

from stillhouse_models.training.compute_device import half_on, place_of
from stillhouse_models.training.conditions import guided_clean, token_ids
from stillhouse_models.weights import Painter


class GuidedTeacher:
    def __init__(self, teacher: Painter, guidance: float):
        self.teacher, self.guidance = teacher, guidance
        self.empty = token_ids(teacher.tokenizer, [""]).to(place_of(teacher.unet))

    @torch.no_grad()
    def answer(self, noisy: Tensor, level: Tensor, ids: Tensor) -> Tensor:
        """noisy [B, 3, h, w], level [B] in (0, 1], ids int64 [B, L] -> clean pictures float32."""
        unet, encoder = self.teacher.unet, self.teacher.encoder
        with half_on(noisy.device):
            return guided_clean(unet, encoder, noisy, level * 1000, ids, self.empty, self.guidance).float()

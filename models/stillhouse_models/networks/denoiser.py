"""What students and teachers have in common: they see the clean picture, and answer with the velocity.

Flow matching: x_t = (1 - t) * x0 + t * noise (Liu et al. 2022, Lipman et al. 2022). The network predicts x0; the
velocity noise - x0 = (x_t - x0) / t follows from it, so that the usual x += v * (next sigma - sigma) works.
"""

from diffusers import ConfigMixin, ModelMixin
from torch import Tensor

from stillhouse_models.networks.patch_unet import PatchUNet


class Denoiser(ModelMixin, ConfigMixin):
    body: PatchUNet

    def clean(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        return self.body(sample, timestep, encoder_hidden_states)

    def clean_and_features(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Also what each level said, for losses that compare it."""
        features = self.body.features(sample, timestep, encoder_hidden_states)
        return self.body.head(features[-1], sample), features

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        clean = self.clean(sample, timestep, encoder_hidden_states)
        return (sample - clean) / (timestep / 1000).view(-1, 1, 1, 1)

"""What the frozen teacher's levels say of pictures that are not the lesson's."""

from torch import Tensor

from stillhouse_models.training.compute_device import half_on
from stillhouse_models.training.layers import layer_place
from stillhouse_models.weights import Painter


class TeacherFeatures:
    """`compared`: where each of the layers stands in `Denoiser.clean_and_features`; `widths`: its channels."""

    def __init__(self, teacher: Painter, layers: tuple[str, ...]):
        channels = teacher.unet.config["channels"]
        places = [layer_place(name, len(channels)) for name in layers]
        self.unet, self.compared = teacher.unet, [index for index, _ in places]
        self.widths: list[int] = [channels[level] for _, level in places]

    def of(self, noisy: Tensor, level: Tensor, context: Tensor) -> list[Tensor]:
        """noisy [B, 3, h, w], level [B] in (0, 1], context [B, L, C] -> one [B, C, h, w] a layer. Gradients reach `noisy`."""
        with half_on(noisy.device):
            features: list[Tensor] = self.unet.clean_and_features(noisy, level * 1000, context)[1]
            return [features[index] for index in self.compared]

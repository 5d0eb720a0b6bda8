"""The networks that a recipe may name, and the classes that a folder may hold."""

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.lite_unet import LiteUNet
from stillhouse_models.networks.mobilenet_v3_unet import MobileNetV3UNet
from stillhouse_models.networks.separable_unet import SeparableUNet
from stillhouse_models.networks.teacher_unet import TeacherUNet

FAMILIES: dict[str, type[Denoiser]] = {
    "teacher-unet": TeacherUNet,
    "lite-unet": LiteUNet,
    "mobilenet-v3-unet": MobileNetV3UNet,
    "separable-unet": SeparableUNet,
}

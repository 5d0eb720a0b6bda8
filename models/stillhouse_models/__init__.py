"""Stillhouse's toolkit: small text-to-image models, from rendered data to a version that `still publish` takes."""

from importlib import import_module
from typing import TYPE_CHECKING

from stillhouse_models.no_telemetry import silence

if TYPE_CHECKING:
    from stillhouse_models.networks.lite_unet import LiteUNet
    from stillhouse_models.networks.mobilenet_v3_unet import MobileNetV3UNet
    from stillhouse_models.networks.separable_unet import SeparableUNet

silence()

__version__ = "0.1.0"
__all__ = ["LiteUNet", "MobileNetV3UNet", "SeparableUNet", "__version__"]

_HOME = {"LiteUNet": "lite_unet", "MobileNetV3UNet": "mobilenet_v3_unet", "SeparableUNet": "separable_unet"}


def __getattr__(name: str) -> object:
    # Late, so that what needs no torch (pipeline, manifest, scores) does not load it.
    if name in _HOME:
        return getattr(import_module(f"stillhouse_models.networks.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

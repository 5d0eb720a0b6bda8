"""Stillhouse's toolkit: small text-to-image models, from rendered data to a version that `still publish` takes."""

from typing import TYPE_CHECKING

from stillhouse_models.no_telemetry import silence

if TYPE_CHECKING:
    from stillhouse_models.networks.lite_unet import LiteUNet

silence()

__version__ = "0.1.0"
__all__ = ["LiteUNet", "__version__"]


def __getattr__(name: str) -> object:
    # Late, so that what needs no torch (pipeline, manifest, scores) does not load it.
    if name == "LiteUNet":
        from stillhouse_models.networks.lite_unet import LiteUNet

        return LiteUNet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

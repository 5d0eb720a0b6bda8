"""What is done to ONNX graphs for a class of devices, and on what measurement it rests."""

from dataclasses import dataclass

from stillhouse_models.variants.kinds import VariantError


@dataclass(frozen=True)
class Tuning:
    """`fused`: the runtime's own fusions are done beforehand and kept, for a quicker load; they use its own operators.

    `pointwise_matrices`: 1x1 convolutions as matrix products over channels that stand last (NHWC).
    """

    opset: int = 17
    fused: bool = False
    pointwise_matrices: bool = False


UNTUNED = Tuning()
# Beginnings of device classes. NHWC stands nowhere: `tune` measured it slower on x86-64 (1.03) and nothing has measured it on
# a Pi. Fusing beforehand does what the runtime would do at every load, so that it cannot lose on a Pi either.
TARGETS = {
    "x86-64": Tuning(opset=20, fused=True),
    "raspberry-pi-4": Tuning(fused=True),
    "raspberry-pi-5": Tuning(fused=True),
}


def tuning_for(device_class: str | None) -> Tuning:
    """Of a device class such as raspberry-pi-5-8gb, or of none."""
    if device_class is None:
        return UNTUNED
    for beginning, tuning in TARGETS.items():
        if device_class == beginning or device_class.startswith(f"{beginning}-"):
            return tuning
    raise VariantError(f"unknown target {device_class!r}; known device classes begin with: {', '.join(TARGETS)}")

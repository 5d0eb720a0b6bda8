"""Every form that a version's weights can take: its name, what was done to its numbers, and how far it may stray.

The tolerances are mean absolute differences in levels of 0..255 between a variant's picture and the trained networks' own in
PyTorch, of the worst of the prompts compared. They say "runs as it should", not "is good": that is its score's to say.
"""

from dataclasses import dataclass

from stillhouse_models.inference_precision import F32


class VariantError(ValueError):
    """A variant that cannot be made, or is not what it should be; the message says which and what to do."""


@dataclass(frozen=True)
class Kind:
    """`golden_levels`: how far a device's picture may be from the publisher's. Integer arithmetic rounds a value that lies
    on an edge to the other side where a processor adds in another order, and the steps that follow carry it on."""

    token: str
    runtime: str
    precision: str
    allowed_levels: float
    golden_levels: float = 2.0
    quantization: dict[str, object] | None = None
    inference_precision: str = F32

    @property
    def name(self) -> str:
        """Of the variant and its folder; what a user types is the token."""
        return self.token if self.token.startswith(self.runtime) else f"{self.runtime}-{self.token}"

    @property
    def computes_in_integers(self) -> bool:
        return self.quantization is not None and self.quantization["activationBits"] == 8


def _weights(bits: int) -> dict[str, object]:
    return {"method": "weights", "weightBits": bits, "activationBits": 32}


_ALL = (
    Kind("fp32", "onnxruntime", "fp32", 0.5),
    Kind("fp16", "onnxruntime", "fp16", 1.0, quantization=_weights(16)),
    Kind("int8", "onnxruntime", "int8", 6.0, quantization=_weights(8)),
    Kind("int4", "onnxruntime", "int4", 30.0, quantization=_weights(4)),
    Kind("int8-dynamic", "onnxruntime", "int8", 12.0, 6.0, {"method": "dynamic", "weightBits": 8, "activationBits": 8}),
    Kind("int8-static", "onnxruntime", "int8", 20.0, 6.0, {"method": "static", "weightBits": 8, "activationBits": 8}),
    Kind("openvino-fp32", "openvino", "fp32", 0.5),
    Kind("openvino-fp16", "openvino", "fp16", 1.0, quantization=_weights(16)),
    Kind("openvino-fp16-f16", "openvino", "fp16", 2.0, quantization=_weights(16), inference_precision="f16"),
    Kind("openvino-fp16-bf16", "openvino", "fp16", 2.0, quantization=_weights(16), inference_precision="bf16"),
    Kind("openvino-int8", "openvino", "int8", 20.0, 6.0, {"method": "nncf", "weightBits": 8, "activationBits": 8}),
    Kind("openvino-int8-weights", "openvino", "int8", 6.0, quantization=_weights(8)),
)
KINDS = {kind.token: kind for kind in _ALL}


def read_kinds(text: str) -> list[Kind]:
    """Comma-separated tokens; ONNX Runtime's may carry its name in front. Refuses unknown and repeated ones."""
    tokens = [token.strip().removeprefix("onnxruntime-") for token in text.split(",") if token.strip()]
    if unknown := [token for token in tokens if token not in KINDS]:
        raise VariantError(f"unknown variants {unknown}; known: {', '.join(KINDS)}")
    if not tokens or len(set(tokens)) < len(tokens):
        raise VariantError(f"{text!r}: name at least one variant, and none twice")
    return [KINDS[token] for token in tokens]

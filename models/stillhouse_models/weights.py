"""Networks on disk: a folder per component, as diffusers writes them (config.json and safetensors), in fp16."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.tokenizer import save_tokenizer


@dataclass(frozen=True)
class Painter:
    """All that turns a caption and noise into a picture."""

    unet: Denoiser
    encoder: TextEncoder
    tokenizer: Tokenizer

    def to(self, device: torch.device) -> "Painter":
        """Itself, moved."""
        self.unet.to(device)
        self.encoder.to(device)
        return self

    def parameters(self) -> int:
        return sum(p.numel() for network in (self.unet, self.encoder) for p in network.parameters())


def save_painter(painter: Painter, folder: Path) -> None:
    for name, network in (("unet", painter.unet), ("text_encoder", painter.encoder)):
        copy = type(network).from_config(network.config)
        copy.load_state_dict(network.state_dict())
        copy.half().save_pretrained(folder / name)
    save_tokenizer(painter.tokenizer, folder / "tokenizer")


def load_painter(folder: Path, family: str | None = None) -> Painter:
    """The family is the one that the folder names; where one is given, another is refused (ValueError)."""
    found = family_of(folder / "unet")
    if family not in (None, found):
        raise ValueError(f"{folder / 'unet'} holds a {found}, not a {family}")
    unet = FAMILIES[found].from_pretrained(folder / "unet", torch_dtype=torch.float32, low_cpu_mem_usage=False)
    encoder = TextEncoder.from_pretrained(folder / "text_encoder", torch_dtype=torch.float32, low_cpu_mem_usage=False)
    return Painter(unet.eval(), encoder.eval(), Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json")))


def family_of(unet: Path) -> str:
    """Which family's weights a folder of diffusers' layout holds."""
    name = json.loads((unet / "config.json").read_text()).get("_class_name")
    for family, kind in FAMILIES.items():
        if kind.__name__ == name:
            return family
    raise ValueError(f"{unet}/config.json names the class {name!r}; known: {[kind.__name__ for kind in FAMILIES.values()]}")

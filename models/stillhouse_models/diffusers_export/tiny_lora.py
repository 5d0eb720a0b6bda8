"""Random LoRA adapters for a tiny pipeline: as diffusers saves them, and under the names of kohya's scripts."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from stillhouse_models.diffusers_export.read_pipeline import read_pipeline

TARGETS = {
    "unet": [
        "to_q",
        "to_k",
        "to_v",
        "to_out.0",
        "proj_in",
        "conv1",
        "conv2",
        "time_emb_proj",
        "ff.net.0.proj",
        "ff.net.2",
        "upsamplers.0.conv",
    ],
    "transformer": ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "ff.net.0.proj", "ff.net.2"],
    "text_encoder": ["q_proj", "v_proj", "out_proj", "fc1", "fc2"],
}
RANK = 4
ALPHA = 6


def diffusers_adapter(folder: Path, file: Path, seed: int) -> None:
    """Of the denoiser and the first text encoder, with its alpha in the file's metadata."""
    pipeline, parts = _adapted(folder, seed)
    layers = {f"{name}_lora_layers": get_peft_model_state_dict(network) for name, network in parts.items()}
    settings = {f"{name}_lora_adapter_metadata": network.peft_config["default"].to_dict() for name, network in parts.items()}
    pipeline.save_lora_weights(file.parent, weight_name=file.name, **layers, **settings)


def kohya_adapter(folder: Path, file: Path, seed: int) -> None:
    """Of the unet and the first text encoder, each weight with an alpha of its own."""
    pipeline, parts = _adapted(folder, seed)
    encoder = "lora_te1" if hasattr(pipeline, "text_encoder_2") else "lora_te"
    tensors = {}
    for name, network in parts.items():
        prefix = "lora_unet" if name == "unet" else encoder
        for key, value in get_peft_model_state_dict(network).items():
            module, _, which = key.removesuffix(".weight").rpartition(".")
            module = module.removeprefix("base_model.model.")
            if name == "text_encoder" and not module.startswith("text_model"):
                module = f"text_model.{module}"
            base = f"{prefix}_{module.replace('.', '_')}"
            tensors[f"{base}.{'lora_down' if which == 'lora_A' else 'lora_up'}.weight"] = value.contiguous()
            tensors[f"{base}.alpha"] = torch.tensor(float(ALPHA))
    save_file(tensors, file)


def _adapted(folder: Path, seed: int) -> tuple[Any, dict[str, Any]]:
    pipeline = read_pipeline(folder)
    torch.manual_seed(seed)
    # diffusers does not find Flux's text encoder again in what it saved itself.
    names = [name for name in TARGETS if name != "text_encoder" or "Flux" not in type(pipeline).__name__]
    parts = {name: getattr(pipeline, name) for name in names if getattr(pipeline, name, None) is not None}
    for name, network in parts.items():
        config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS[name], init_lora_weights=False)
        network.add_adapter(config, adapter_name="default")
        for key, value in network.named_parameters():
            if "lora_" in key:
                torch.nn.init.normal_(value, std=0.15)
    return pipeline, parts

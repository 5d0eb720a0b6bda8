"""Low-rank adapters (Hu et al. 2021) on a student, by peft: where they sit, and the student with them merged."""

import copy
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Conv2d, Linear
from torch import nn

from stillhouse_models.networks.denoiser import Denoiser

ADAPTER = "default"


def adapted_layers(body: nn.Module) -> list[str]:
    """Every matrix, and every convolution that mixes channels: on attention and blocks alone, colours were only half learned."""
    return [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
    ]


def with_lora(student: Denoiser, rank: int) -> tuple[Denoiser, PeftModel]:
    """A copy of the student whose body answers through its adapters, which begin as nothing; only they learn."""
    adapted = copy.deepcopy(student)
    config = LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=adapted_layers(adapted.body))
    return adapted, get_peft_model(adapted.body, config)


@torch.no_grad()
def merged(student: Denoiser, adapters: PeftModel) -> Denoiser:
    """A copy of the student with W + B·A (times alpha / rank) in the place of W."""
    whole = copy.deepcopy(student)
    own = whole.body.state_dict()
    for name, module in adapters.get_base_model().named_modules():
        if isinstance(module, Linear | Conv2d):
            own[f"{name}.weight"] += module.get_delta_weight(ADAPTER).to(own[f"{name}.weight"].device)
    return whole.eval()


def save_adapter(adapters: PeftModel, base: str, folder: Path) -> None:
    """adapter_config.json and adapter_model.safetensors, as peft reads them onto the student's `body`."""
    adapters.peft_config[ADAPTER].base_model_name_or_path = base
    adapters.save_pretrained(str(folder), save_embedding_layers=False)
    # peft's model card is a form that nobody has filled in.
    (folder / "README.md").unlink(missing_ok=True)

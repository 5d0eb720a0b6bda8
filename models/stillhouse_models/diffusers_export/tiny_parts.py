"""The networks of tiny pipelines: random weights, the architecture of the real ones at a hundredth of their width."""

from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)


def clip(vocabulary: int, width: int, projection: int | None, activation: str, end: int) -> nn.Module:
    """Two layers more than the one that is read: SDXL and SD3 take the last but one."""
    config = CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=77, projection_dim=projection or width, hidden_act=activation, bos_token_id=end - 1,
        eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def t5(vocabulary: int, width: int) -> nn.Module:
    return T5EncoderModel(
        T5Config(
            vocab_size=vocabulary,
            d_model=width,
            d_kv=8,
            d_ff=2 * width,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
        )
    )


def qwen3(vocabulary: int, width: int) -> nn.Module:
    """Two layers more than the one that is read: Z-Image takes the last but one."""
    return Qwen3Model(
        Qwen3Config(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=1024,
        )
    )  # fmt: skip


def unet(context: int, **more: Any) -> nn.Module:
    settings: dict[str, Any] = {
        "sample_size": 32, "in_channels": 4, "out_channels": 4, "layers_per_block": 1, "block_out_channels": (8, 16),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": context, "attention_head_dim": 4, "norm_num_groups": 4,
    }  # fmt: skip
    return UNet2DConditionModel(**{**settings, **more})


def vae(channels: int, scaling: float, shift: float | None = None) -> nn.Module:
    """Halves each side once, where the real ones do so three times."""
    flux_like = {"use_quant_conv": False, "use_post_quant_conv": False} if channels == 16 else {}
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=channels, block_out_channels=(16, 16), norm_num_groups=8, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, layers_per_block=1,
        scaling_factor=scaling, shift_factor=shift, **flux_like,
    )  # fmt: skip


def taesd(channels: int) -> nn.Module:
    """The small decoder that takes an AutoencoderKL's place (TAESD, madebyollin)."""
    return AutoencoderTiny(
        latent_channels=channels, encoder_block_out_channels=(16, 16), decoder_block_out_channels=(16, 16),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1), upsampling_scaling_factor=2,
    )  # fmt: skip


def wake(network: nn.Module, seed: int) -> nn.Module:
    """Weights that a layer begins with at nothing, and norms at one, become random too: else parts would go untested.

    Every weight is one that half precision holds, so that a graph which stores halves computes the same.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.copy_(weight.half().float())
            if weight.ndim >= 2 and weight.abs().max() > 0:
                continue
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("bias") or weight.ndim >= 2:
                weight.copy_(weight + 0.05 * noise)
            else:
                weight.mul_(1 + 0.1 * noise)
            weight.copy_(weight.half().float())
    return network.eval()

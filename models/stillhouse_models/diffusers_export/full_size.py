"""Pipelines at the real ones' sizes with random weights, to measure what a device needs for such a graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from stillhouse_models.diffusers_export.tiny import SCHEDULE
from stillhouse_models.diffusers_export.tiny_tokenizers import clip_tokenizer, words_of

CLIP_VOCABULARY = 49_408


def make_full_size(kind: str, folder: Path, seed: int) -> Path:
    """A diffusers folder of that kind. @raises ValueError that lists the kinds"""
    if kind not in FULL_SIZE:
        raise ValueError(f'no kind "{kind}" at full size; known: {", ".join(FULL_SIZE)}')
    torch.manual_seed(seed)
    FULL_SIZE[kind](words_of(seed)).save_pretrained(folder)
    return folder


def _sd15(words: list[str]) -> Any:
    """860 M parameters in the denoiser, 123 M in the text encoder, 84 M in the VAE, as Stable Diffusion 1.5 has them."""
    tokenizer = clip_tokenizer(words)
    end = len(tokenizer) - 1
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=CLIP_VOCABULARY, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=end - 1, eos_token_id=end, pad_token_id=end,
        )
    )  # fmt: skip
    return diffusers.StableDiffusionPipeline(
        tokenizer=tokenizer, text_encoder=text_encoder, unet=_unet((320, 640, 1280, 1280), 64, 768),
        vae=_vae((128, 256, 512, 512)),
        scheduler=diffusers.PNDMScheduler(skip_prk_steps=True, **SCHEDULE), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip


def _sd15_small(words: list[str]) -> Any:
    """The same shape at a quarter of the width, for pictures of 256x256: what comparisons of speed run in a minute."""
    tokenizer = clip_tokenizer(words)
    end = len(tokenizer) - 1
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=256, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=4,
            max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=end - 1, eos_token_id=end, pad_token_id=end,
        )
    )  # fmt: skip
    return diffusers.StableDiffusionPipeline(
        tokenizer=tokenizer, text_encoder=text_encoder, unet=_unet((96, 192, 384, 384), 32, 256),
        vae=_vae((32, 64, 128, 128), 256),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **SCHEDULE), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def _unet(widths: tuple[int, ...], side: int, context: int) -> UNet2DConditionModel:
    """`attention_head_dim` is the number of heads: the configurations of this family have it so."""
    return UNet2DConditionModel(
        sample_size=side, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=widths, attention_head_dim=8,
        cross_attention_dim=context, norm_num_groups=32,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )  # fmt: skip


def _vae(widths: tuple[int, ...], side: int = 512) -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=widths, norm_num_groups=32, sample_size=side,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2,
        scaling_factor=0.18215,
    )  # fmt: skip


FULL_SIZE: dict[str, Callable[[list[str]], Any]] = {"sd-1.5": _sd15, "sd-1.5-small": _sd15_small}

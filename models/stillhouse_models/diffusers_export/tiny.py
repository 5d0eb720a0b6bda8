"""Tiny pipelines of each kind with random weights: the same seed makes the same folder, offline."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel

from stillhouse_models.diffusers_export import tiny_parts as parts
from stillhouse_models.diffusers_export.tiny_tokenizers import clip_tokenizer, qwen_tokenizer, t5_tokenizer, words_of

SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def make_tiny(kind: str, folder: Path, seed: int) -> Path:
    """A diffusers folder of that kind. @raises ValueError that lists the kinds"""
    if kind not in KINDS:
        raise ValueError(f'no kind "{kind}"; known: {", ".join(KINDS)}')
    torch.manual_seed(seed)
    pipeline = KINDS[kind](words_of(seed))
    for i, name in enumerate(sorted(pipeline.components)):
        part = pipeline.components[name]
        if isinstance(part, torch.nn.Module):
            parts.wake(part, seed + i)
    pipeline.save_pretrained(folder)
    return folder


def _stable_diffusion(words: list[str], prediction: str, pad: str, scheduler: object, **unet: Any) -> Any:
    tokenizer = clip_tokenizer(words, pad)
    activation = "quick_gelu" if pad == "<|endoftext|>" else "gelu"
    return {
        "tokenizer": tokenizer, "text_encoder": parts.clip(len(tokenizer), 32, None, activation, len(tokenizer) - 1),
        "unet": parts.unet(32, **unet), "vae": parts.vae(4, 0.18215), "scheduler": scheduler,
    }  # fmt: skip


def _sd(words: list[str]) -> Any:
    scheduler = diffusers.PNDMScheduler(skip_prk_steps=True, **SCHEDULE)
    components = _stable_diffusion(words, "epsilon", "<|endoftext|>", scheduler)
    return diffusers.StableDiffusionPipeline(
        **components, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _sd2(words: list[str]) -> Any:
    scheduler = diffusers.DDIMScheduler(prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False, **SCHEDULE)
    components = _stable_diffusion(words, "v_prediction", "!", scheduler, use_linear_projection=True, attention_head_dim=(2, 4))
    return diffusers.StableDiffusionPipeline(
        **components, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _sd_turbo(words: list[str]) -> Any:
    scheduler = diffusers.EulerDiscreteScheduler(timestep_spacing="trailing", **SCHEDULE)
    components = _stable_diffusion(words, "epsilon", "!", scheduler, use_linear_projection=True)
    components["vae"] = parts.taesd(4)
    return diffusers.StableDiffusionPipeline(
        **components, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _lcm(words: list[str]) -> Any:
    scheduler = diffusers.LCMScheduler(clip_sample=False, set_alpha_to_one=True, **SCHEDULE)
    components = _stable_diffusion(words, "epsilon", "<|endoftext|>", scheduler, time_cond_proj_dim=16)
    return diffusers.LatentConsistencyModelPipeline(
        **components, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _sd_inpaint(words: list[str]) -> Any:
    scheduler = diffusers.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **SCHEDULE)
    components = _stable_diffusion(words, "epsilon", "<|endoftext|>", scheduler, in_channels=9)
    return diffusers.StableDiffusionInpaintPipeline(
        **components, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _sdxl_parts(words: list[str], scheduler: object, **unet: Any) -> dict[str, Any]:
    first, second = clip_tokenizer(words), clip_tokenizer(words, "!")
    end = len(first) - 1
    return {
        "tokenizer": first, "tokenizer_2": second, "text_encoder": parts.clip(len(first), 32, None, "quick_gelu", end),
        "text_encoder_2": parts.clip(len(second), 32, 24, "gelu", end), "vae": parts.vae(4, 0.13025), "scheduler": scheduler,
        "unet": parts.unet(
            64, addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=24 + 6 * 8,
            transformer_layers_per_block=(1, 2), use_linear_projection=True, **unet,
        ),
    }  # fmt: skip


def _sdxl_with(words: list[str], scheduler: object, zeros: bool, **unet: Any) -> Any:
    components = _sdxl_parts(words, scheduler, **unet)
    return diffusers.StableDiffusionXLPipeline(**components, force_zeros_for_empty_prompt=zeros, add_watermarker=False)


def _sdxl(words: list[str]) -> Any:
    return _sdxl_with(words, diffusers.EulerDiscreteScheduler(**SCHEDULE), zeros=True)


def _sdxl_turbo(words: list[str]) -> Any:
    return _sdxl_with(words, diffusers.EulerAncestralDiscreteScheduler(timestep_spacing="trailing", **SCHEDULE), zeros=False)


def _lcm_xl(words: list[str]) -> Any:
    scheduler = diffusers.LCMScheduler(clip_sample=False, set_alpha_to_one=False, **SCHEDULE)
    return _sdxl_with(words, scheduler, zeros=True, time_cond_proj_dim=16)


def _sdxl_inpaint(words: list[str]) -> Any:
    components = _sdxl_parts(words, diffusers.EulerDiscreteScheduler(**SCHEDULE), in_channels=9)
    return diffusers.StableDiffusionXLInpaintPipeline(**components, add_watermarker=False)


def _sd3_with(words: list[str], with_t5: bool) -> Any:
    first, second = clip_tokenizer(words), clip_tokenizer(words, "!")
    end = len(first) - 1
    third = t5_tokenizer(words) if with_t5 else None
    return diffusers.StableDiffusion3Pipeline(
        tokenizer=first, tokenizer_2=second, tokenizer_3=third,
        text_encoder=parts.clip(len(first), 32, 16, "quick_gelu", end),
        text_encoder_2=parts.clip(len(second), 32, 24, "gelu", end),
        text_encoder_3=parts.t5(len(third), 80) if third else None,
        transformer=SD3Transformer2DModel(
            sample_size=32, patch_size=2, in_channels=16, num_layers=2, attention_head_dim=8, num_attention_heads=4,
            joint_attention_dim=80, caption_projection_dim=32, pooled_projection_dim=40, out_channels=16, pos_embed_max_size=48,
            dual_attention_layers=(0,), qk_norm="rms_norm",
        ), vae=parts.vae(16, 1.5305, 0.0609), scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip


def _sd3(words: list[str]) -> Any:
    return _sd3_with(words, with_t5=True)


def _sd3_without_t5(words: list[str]) -> Any:
    return _sd3_with(words, with_t5=False)


def _flux_with(words: list[str], guided: bool) -> Any:
    first, second = clip_tokenizer(words), t5_tokenizer(words)
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(
        shift=3.0 if guided else 1.0, use_dynamic_shifting=guided, base_shift=0.5, max_shift=1.15
    )
    return diffusers.FluxPipeline(
        tokenizer=first, tokenizer_2=second, text_encoder=parts.clip(len(first), 32, None, "quick_gelu", len(first) - 1),
        text_encoder_2=parts.t5(len(second), 40), vae=parts.vae(16, 0.3611, 0.1159), scheduler=scheduler,
        transformer=FluxTransformer2DModel(
            patch_size=1, in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=40, pooled_projection_dim=32, guidance_embeds=guided, axes_dims_rope=(4, 6, 6),
        ),
    )  # fmt: skip


def _flux_schnell(words: list[str]) -> Any:
    return _flux_with(words, guided=False)


def _flux_dev(words: list[str]) -> Any:
    return _flux_with(words, guided=True)


def _z_image(words: list[str]) -> Any:
    tokenizer = qwen_tokenizer(words)
    return diffusers.ZImagePipeline(
        tokenizer=tokenizer, text_encoder=parts.qwen3(len(tokenizer), 32), vae=parts.vae(16, 0.3611, 0.1159),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        transformer=diffusers.ZImageTransformer2DModel(
            in_channels=16, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=32,
            axes_dims=[4, 6, 6], axes_lens=[600, 64, 64],
        ),
    )  # fmt: skip


KINDS: dict[str, Callable[[list[str]], Any]] = {
    "sd": _sd, "sd2": _sd2, "sd-turbo": _sd_turbo, "sd-inpaint": _sd_inpaint, "lcm": _lcm, "sdxl": _sdxl,
    "sdxl-turbo": _sdxl_turbo, "sdxl-inpaint": _sdxl_inpaint, "lcm-xl": _lcm_xl, "sd3": _sd3,
    "sd3-without-t5": _sd3_without_t5, "flux-schnell": _flux_schnell, "flux-dev": _flux_dev, "z-image": _z_image,
}  # fmt: skip
os.environ.setdefault("HF_HUB_OFFLINE", "1")

"""The halves of a teacher: what reads prompts, and what paints. They are never in memory together."""

import json
from typing import Any

import torch

from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder
from stillhouse_models.training.compute_device import CPU


def load_text_side(teacher: TeacherFolder, device: torch.device = CPU) -> Any:
    return _load(teacher, [teacher.kind.denoiser, "vae"], device)


def load_painting_side(teacher: TeacherFolder, device: torch.device = CPU) -> Any:
    """Without text encoders and tokenizers; the decoder stays, because pipelines ask it for its scale."""
    index = json.loads((teacher.folder / "model_index.json").read_text())
    absent = [name for name in index if name.startswith(("text_encoder", "tokenizer"))]
    pipeline = _load(teacher, absent, device)
    pipeline.scheduler = _deterministic(teacher, pipeline.scheduler)
    return pipeline


def load_reading_and_decoding_side(teacher: TeacherFolder) -> Any:
    """All but the denoiser, in float32."""
    return _load(teacher, [teacher.kind.denoiser], CPU)


def _load(teacher: TeacherFolder, without: list[str], device: torch.device) -> Any:
    """In bfloat16 on a GPU, in float32 on the CPU."""
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    # It names processors that no part here uses.
    transformers.utils.logging.set_verbosity_error()
    absent: dict[str, Any] = dict.fromkeys(without)
    if teacher.pipeline == "StableDiffusionPipeline":
        absent |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = getattr(diffusers, teacher.pipeline).from_pretrained(
        teacher.folder, dtype=torch.float32 if device == CPU else torch.bfloat16, local_files_only=True, **absent
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline if device == CPU else pipeline.to(device)


def _deterministic(teacher: TeacherFolder, scheduler: Any) -> Any:
    """A path that follows from its first noise alone, which is what a student can learn: DDIM (Song et al. 2021) or Euler."""
    import diffusers

    if teacher.kind.flow:
        return diffusers.FlowMatchEulerDiscreteScheduler.from_config(scheduler.config, stochastic_sampling=False)
    return diffusers.DDIMScheduler.from_config(scheduler.config, clip_sample=False)

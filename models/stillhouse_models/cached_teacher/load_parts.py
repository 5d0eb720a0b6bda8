"""The halves of a teacher: what reads prompts, and what paints. They are never in memory together."""

import json
from typing import Any

import torch

from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder


def load_text_side(teacher: TeacherFolder) -> Any:
    return _load(teacher, [teacher.kind.denoiser, "vae"])


def load_painting_side(teacher: TeacherFolder) -> Any:
    """Without text encoders and tokenizers; the decoder stays, because pipelines ask it for its scale."""
    index = json.loads((teacher.folder / "model_index.json").read_text())
    pipeline = _load(teacher, [name for name in index if name.startswith(("text_encoder", "tokenizer"))])
    pipeline.scheduler = _deterministic(teacher, pipeline.scheduler)
    return pipeline


def load_reading_and_decoding_side(teacher: TeacherFolder) -> Any:
    """All but the denoiser, in float32."""
    return _load(teacher, [teacher.kind.denoiser], gpu=False)


def _load(teacher: TeacherFolder, without: list[str], gpu: bool | None = None) -> Any:
    """In bfloat16 on a GPU where there is one, in float32 otherwise."""
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    # It names processors that no part here uses.
    transformers.utils.logging.set_verbosity_error()
    gpu = torch.cuda.is_available() if gpu is None else gpu
    absent: dict[str, Any] = dict.fromkeys(without)
    if teacher.pipeline == "StableDiffusionPipeline":
        absent |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = getattr(diffusers, teacher.pipeline).from_pretrained(
        teacher.folder, dtype=torch.bfloat16 if gpu else torch.float32, local_files_only=True, **absent
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda") if gpu else pipeline


def _deterministic(teacher: TeacherFolder, scheduler: Any) -> Any:
    """A path that follows from its first noise alone, which is what a student can learn: DDIM (Song et al. 2021) or Euler."""
    import diffusers

    if teacher.kind.flow:
        return diffusers.FlowMatchEulerDiscreteScheduler.from_config(scheduler.config, stochastic_sampling=False)
    return diffusers.DDIMScheduler.from_config(scheduler.config, clip_sample=False)

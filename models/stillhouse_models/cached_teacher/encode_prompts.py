"""Prompts as the teacher's text encoders put them: one shard of embeddings after the other, the denoiser not in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stillhouse_models.cached_teacher.cache_plan import TEXTS_A_SHARD, CachePlan
from stillhouse_models.cached_teacher.load_parts import load_text_side
from stillhouse_models.cached_teacher.shards import is_whole, shard_file, write_shard
from stillhouse_models.cached_teacher.teacher_folder import CLIP_LENGTH, TeacherFolder
from stillhouse_models.faults import ToolkitError

# bfloat16 has float32's range, which T5 and Qwen3 use.
STORED = torch.bfloat16
NEGATIVE = "negative.safetensors"


def encode_prompts(
    teacher: TeacherFolder, plan: CachePlan, prompts: list[str], out: Path, before_each: Callable[[int, int], None],
    device: torch.device,
) -> None:  # fmt: skip
    """`before_each(done, total)` is called before each shard, and may raise to stop; what is whole is not made again."""
    starts = range(0, len(prompts), TEXTS_A_SHARD)
    todo = [start for start in starts if not is_whole(shard_file(out, "texts", start // TEXTS_A_SHARD))]
    if not todo and is_whole(out / NEGATIVE):
        return
    pipeline = load_text_side(teacher, device)
    for start in todo:
        before_each(start, len(prompts))
        told = encode(pipeline, teacher, prompts[start : start + TEXTS_A_SHARD], plan)
        write_shard(shard_file(out, "texts", start // TEXTS_A_SHARD), told)
    write_shard(out / NEGATIVE, untold(pipeline, encode(pipeline, teacher, [""], plan)))


def untold(pipeline: Any, empty: dict[str, Tensor]) -> dict[str, Tensor]:
    """What guidance leads away from: the empty prompt, or nothing at all where the teacher's own pipeline has it so."""
    if not pipeline.config.get("force_zeros_for_empty_prompt", False):
        return empty
    return empty | {name: torch.zeros_like(tensor) for name, tensor in empty.items() if name != "lengths"}


@torch.no_grad()
def encode(pipeline: Any, teacher: TeacherFolder, texts: list[str], plan: CachePlan) -> dict[str, Tensor]:
    """`context` [n, L, C], `lengths` int32 [n] (how many of the L say something), and `pooled` [n, P] where there is one."""
    lengths = torch.full((len(texts),), plan.text_length, dtype=torch.int32)
    pooled: Tensor | None = None
    if teacher.pipeline == "StableDiffusionPipeline":
        context = pipeline.encode_prompt(texts, pipeline.device, 1, False)[0]
    elif teacher.pipeline == "StableDiffusionXLPipeline":
        context, _, pooled, _ = pipeline.encode_prompt(texts, do_classifier_free_guidance=False)
    elif teacher.pipeline == "StableDiffusion3Pipeline":
        length = plan.text_length - CLIP_LENGTH
        context, _, pooled, _ = pipeline.encode_prompt(
            texts, None, None, do_classifier_free_guidance=False, max_sequence_length=length
        )
    elif teacher.pipeline == "FluxPipeline":
        context, pooled, _ = pipeline.encode_prompt(texts, None, max_sequence_length=plan.text_length)
    else:
        # The list is written into by the pipeline.
        told = pipeline.encode_prompt(list(texts), do_classifier_free_guidance=False, max_sequence_length=plan.text_length)[0]
        lengths = torch.tensor([len(each) for each in told], dtype=torch.int32)
        context = torch.zeros(len(told), plan.text_length, told[0].shape[-1])
        for row, each in enumerate(told):
            context[row, : len(each)] = each
    if context.shape[-1] != plan.text_width:
        raise ToolkitError(f"{teacher.folder}: embeddings are {context.shape[-1]} wide, its configuration says {plan.text_width}")
    found = {"context": context.to("cpu", STORED), "lengths": lengths}
    return found if pooled is None else found | {"pooled": pooled.to("cpu", STORED)}

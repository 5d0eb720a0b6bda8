"""A LoRA adapter becomes part of a pipeline's weights, by diffusers."""

from pathlib import Path
from typing import Any

from stillhouse_models.diffusers_export.read_pipeline import CannotExportError


def merge_adapter(pipeline: Any, file: Path, scale: float) -> None:
    """For good. @raises CannotExportError for a file that is none, or changes nothing of this pipeline"""
    if not hasattr(pipeline, "load_lora_weights"):
        raise CannotExportError(f"{type(pipeline).__name__} takes no LoRA")
    try:
        pipeline.load_lora_weights(file.parent, weight_name=file.name)
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise CannotExportError(f"{file}: {error}") from error
    if not any(pipeline.get_list_adapters().values()):
        raise CannotExportError(f"{file}: changes nothing of this {type(pipeline).__name__}")
    pipeline.fuse_lora(lora_scale=scale)
    pipeline.unload_lora_weights()

"""Opens a diffusers folder without the network, with what it may lack left out."""

import inspect
import json
from pathlib import Path
from typing import Any

import diffusers
import transformers

MAY_LACK = ("safety_checker", "feature_extractor", "image_encoder", "text_encoder_3", "tokenizer_3")


class CannotExportError(ValueError):
    """What is wrong with the folder, and what would help."""


def read_pipeline(folder: Path) -> Any:
    """@raises CannotExportError for a folder that is no pipeline, or lacks a part that it names."""
    index = folder / "model_index.json"
    if not index.is_file():
        raise CannotExportError(f"{folder}: no model_index.json; expected a folder that diffusers' save_pretrained wrote")
    try:
        named = json.loads(index.read_text())
    except ValueError as error:
        raise CannotExportError(f"{index}: {error}") from error
    kind = getattr(diffusers, str(named.get("_class_name")), None) if isinstance(named, dict) else None
    if kind is None:
        raise CannotExportError(f"{index}: _class_name is no pipeline of diffusers {diffusers.__version__}")
    for part, names in named.items():
        if part not in MAY_LACK and isinstance(names, list) and names[1] is not None and not (folder / part).is_dir():
            raise CannotExportError(f"{folder}: model_index.json names {part} ({names[1]}), and there is no folder of it")
    diffusers.logging.disable_progress_bar()
    transformers.logging.disable_progress_bar()
    taken = inspect.signature(kind.__init__).parameters
    absent = {name: None for name in MAY_LACK if name in taken and not (folder / name).is_dir()}
    if "safety_checker" in taken:
        absent["safety_checker"] = None
    return kind.from_pretrained(folder, local_files_only=True, **absent)

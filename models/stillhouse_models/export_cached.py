"""A student of latents as a pipeline that devices run: the teacher's text encoders and decoder as graphs, and the student's own.

OUT is laid out as optimum does it, for `still publish OUT --name N --version V`; which graph the student is, and what its
pipeline tells it, stands in student_as_denoiser.py.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from stillhouse_models.cached_teacher.load_parts import load_reading_and_decoding_side
from stillhouse_models.cached_teacher.teacher_folder import CLIP_LENGTH, TeacherFolder
from stillhouse_models.diffusers_export import components
from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.folder import text_encoder, write_component
from stillhouse_models.diffusers_export.mark_attention import mark_attention
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.student_as_denoiser import denoiser_config, student_component

SCHEDULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0}


class FirstWords(nn.Module):
    """A T5 encoder that reads the first words only: pipelines pad to a length of their own, and to T5 padding is words."""

    def __init__(self, encoder: nn.Module, length: int):
        super().__init__()
        self.encoder, self.length = encoder, length

    def forward(self, ids: Tensor) -> Any:
        return self.encoder(ids[:, : self.length])


def export_cached(teacher: TeacherFolder, student: Denoiser, out: Path, say: Callable[[str], None]) -> None:
    """`out` appears whole or not at all; each graph is held against PyTorch (RuntimeError where they disagree)."""
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline = load_reading_and_decoding_side(teacher)
    encoders = [_encoder(name, part, teacher) for name, part in sorted(pipeline.components.items()) if _is_encoder(name, part)]
    parts = [*encoders, student_component(student, teacher), components.vae_decoder(pipeline.vae)]
    for part in parts:
        (fresh / part.name).mkdir(parents=True)
        difference = write_component(part, fresh / part.name, "onnx", "fp16", short_names=False)
        say(f"{part.name}: {difference:.1e} of its size from PyTorch, before its weights were halved")
        if part.part:
            shutil.copyfile(teacher.folder / part.part / "config.json", fresh / part.name / "config.json")
    _write_json(fresh / teacher.kind.denoiser / "config.json", denoiser_config(student, teacher))
    for part in parts:
        mark_attention(fresh / part.name)
    (fresh / "scheduler").mkdir()
    _write_json(fresh / "scheduler/scheduler_config.json", SCHEDULER)
    for tokenizer in teacher.folder.glob("tokenizer*"):
        shutil.copytree(tokenizer, fresh / tokenizer.name)
    index = json.loads((teacher.folder / "model_index.json").read_text())
    _write_json(fresh / "model_index.json", index | {"scheduler": ["diffusers", SCHEDULER["_class_name"]]})
    for licence in teacher.folder.glob("LICENSE*"):
        shutil.copyfile(licence, fresh / licence.name)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def _is_encoder(name: str, part: Any) -> bool:
    return name.startswith("text_encoder") and isinstance(part, nn.Module)


def _encoder(name: str, part: Any, teacher: TeacherFolder) -> Component:
    graph = text_encoder(name, part)
    if type(part).__name__ != "T5EncoderModel":
        return graph
    beside_clip = CLIP_LENGTH if teacher.pipeline == "StableDiffusion3Pipeline" else 0
    return replace(graph, network=FirstWords(graph.network, teacher.text_length - beside_clip))


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")

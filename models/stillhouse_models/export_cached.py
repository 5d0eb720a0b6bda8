"""A student of latents as a pipeline that devices run: the teacher's text encoder and decoder as graphs, and the student's own.

OUT is laid out as optimum does it, for `still publish OUT --name N --version V`. The graph of the student takes the teacher's
embeddings and puts their mean before them, where the student looks for the whole sentence.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stillhouse_models.cached_teacher.load_parts import load_reading_and_decoding_side
from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder
from stillhouse_models.diffusers_export import components
from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.folder import write_component
from stillhouse_models.networks.denoiser import Denoiser

# Teachers whose students run as their own pipeline does, with another scheduler.
EXPORTED = ("StableDiffusionPipeline",)
SCHEDULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0}


class Told(nn.Module):
    """sample [B, C, h, w], timestep [B] (0..1000), embeddings [B, L, W] -> velocity, like sample."""

    def __init__(self, student: Denoiser):
        super().__init__()
        self.student = student

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> tuple[Tensor]:
        mean = encoder_hidden_states.mean(dim=1, keepdim=True)
        told: Tensor = self.student(sample, timestep, torch.cat([mean, encoder_hidden_states], dim=1))
        return (told,)


def export_cached(teacher: TeacherFolder, student: Denoiser, out: Path, say: Callable[[str], None]) -> None:
    """`out` appears whole or not at all; each graph is held against PyTorch (RuntimeError where they disagree)."""
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline = load_reading_and_decoding_side(teacher)
    parts = [
        components.text_encoder("text_encoder", pipeline.text_encoder),
        _student(student, teacher),
        components.vae_decoder(pipeline.vae),
    ]
    for part in parts:
        (fresh / part.name).mkdir(parents=True)
        difference = write_component(part, fresh / part.name, "onnx", "fp16", short_names=False)
        say(f"{part.name}: {difference:.1e} of its size from PyTorch, before its weights were halved")
        if part.part:
            shutil.copyfile(teacher.folder / part.part / "config.json", fresh / part.name / "config.json")
    # What pipelines read of a U-Net's configuration, beside the student's own.
    more: dict[str, Any] = {"block_out_channels": student.config["channels"], "time_cond_proj_dim": None}
    more["cross_attention_dim"] = student.config["context_channels"]
    own = {key: value for key, value in student.config.items() if not key.startswith("_")}
    _write_json(fresh / "unet/config.json", {"_class_name": type(student).__name__} | own | more)
    (fresh / "scheduler").mkdir()
    _write_json(fresh / "scheduler/scheduler_config.json", SCHEDULER)
    shutil.copytree(teacher.folder / "tokenizer", fresh / "tokenizer")
    index = json.loads((teacher.folder / "model_index.json").read_text())
    _write_json(fresh / "model_index.json", index | {"scheduler": ["diffusers", SCHEDULER["_class_name"]]})
    for licence in teacher.folder.glob("LICENSE*"):
        shutil.copyfile(licence, fresh / licence.name)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def _student(student: Denoiser, teacher: TeacherFolder) -> Component:
    side, channels = student.config["sample_size"], student.config["in_channels"]
    inputs = {
        "sample": torch.randn(2, channels, side, side), "timestep": torch.tensor([500.0, 900.0]),
        "encoder_hidden_states": torch.randn(2, teacher.text_length, teacher.text_width),
    }  # fmt: skip
    return Component("unet", Told(student), inputs, ["out_sample"], {name: {0: "batch"} for name in inputs})


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")

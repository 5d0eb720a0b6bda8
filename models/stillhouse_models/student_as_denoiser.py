"""A student of latents under the signature of its teacher's denoiser, so that the teacher's pipeline runs it.

Each graph takes what that pipeline gives and ignores what the student was never told (pooled embeddings, sizes, positions). The
student looks for the whole sentence in the mean of the embeddings, which stands before them, and answers with a velocity.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder
from stillhouse_models.diffusers_export.components import IMAGE, Component
from stillhouse_models.free_sizes import allows_other_sizes
from stillhouse_models.networks.denoiser import Denoiser

BATCH = {0: "batch"}
# A side of pictures of Z-Image's students that take other sizes: what its own transformer has places for.
MOST_PATCHES = 512


class Told(nn.Module):
    """sample [B, C, h, w], timestep [B] (0..1000), embeddings [B, L, W] -> velocity, like sample.

    Of the embeddings the first `length` are read, as in training.
    """

    def __init__(self, student: Denoiser, length: int):
        super().__init__()
        self.student, self.length = student, length

    def velocity(self, sample: Tensor, timestep: Tensor, words: Tensor) -> Tensor:
        words = words[:, : self.length]
        told: Tensor = self.student(sample, timestep, torch.cat([words.mean(dim=1, keepdim=True), words], dim=1))
        return told


class StableDiffusionStudent(Told):
    def forward(self, sample: Tensor, timestep: Tensor, words: Tensor) -> tuple[Tensor]:
        return (self.velocity(sample, timestep, words),)


class StableDiffusionXlStudent(Told):
    def forward(self, sample: Tensor, timestep: Tensor, words: Tensor, pooled: Tensor, sizes: Tensor) -> tuple[Tensor]:
        return (self.velocity(sample, timestep, words) + unused(pooled, sizes),)


class StableDiffusion3Student(Told):
    def forward(self, sample: Tensor, words: Tensor, pooled: Tensor, timestep: Tensor) -> tuple[Tensor]:
        return (self.velocity(sample, timestep, words) + unused(pooled),)


class FluxStudent(Told):
    """Latents come as patches of 2x2 [B, rows * columns, 4 C], the time as 0..1; the student knows rows and columns."""

    def forward(
        self, packed: Tensor, words: Tensor, pooled: Tensor, moment: Tensor, places: Tensor, text_places: Tensor
    ) -> tuple[Tensor]:
        rows = columns = self.student.config["sample_size"] // 2
        batch, channels = packed.shape[0], packed.shape[2] // 4
        grid = packed.reshape(batch, rows, columns, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
        velocity = self.velocity(grid.reshape(batch, channels, 2 * rows, 2 * columns), moment * 1000, words)
        patches = velocity.reshape(batch, channels, rows, 2, columns, 2).permute(0, 2, 4, 1, 3, 5)
        return (patches.reshape(batch, rows * columns, channels * 4) + unused(pooled, places, text_places),)


class ZImageStudent(Told):
    """The time runs from 0 to 1 and the answer points from noise to picture; words come without padding, which training had."""

    def forward(self, sample: Tensor, words: Tensor, moment: Tensor) -> tuple[Tensor]:
        words = words[:, : self.length]
        mean = words.mean(dim=1, keepdim=True)
        nothing = torch.zeros(1, self.length, words.shape[2])
        filled = torch.cat([words, nothing.expand(words.shape[0], -1, -1)], dim=1)[:, : self.length]
        told: Tensor = self.student(sample, (1 - moment) * 1000, torch.cat([mean, filled], dim=1))
        return (-told,)


def unused(*inputs: Tensor) -> Tensor:
    """Nothing, but a graph keeps these inputs, which the pipeline gives."""
    return torch.stack([each.float().mean() for each in inputs]).sum() * 0.0


def student_component(student: Denoiser, teacher: TeacherFolder) -> Component:
    """The graph in the place of the teacher's denoiser, by its pipeline."""
    made = MAKERS[teacher.pipeline](student, teacher)
    if not takes_other_sizes(student, teacher):
        return made
    picture = next(iter(made.inputs))
    finest = finest_of(student)
    free = made.free | {picture: IMAGE}
    return replace(made, free=free, sizes={"height": 3 * finest, "width": 5 * finest})


def takes_other_sizes(student: Denoiser, teacher: TeacherFolder) -> bool:
    """Not Flux's: its latents come as a row of patches, and the student knows only its own number of columns."""
    return teacher.pipeline != "FluxPipeline" and allows_other_sizes(student, 4)


def finest_of(student: Denoiser) -> int:
    """Latents a side are multiples of it."""
    return int(student.config["patch"] * 2 ** (len(student.config["channels"]) - 1))


def _unet(student: Denoiser, teacher: TeacherFolder) -> Component:
    inputs = _given(student, teacher)
    return Component("unet", StableDiffusionStudent(student, teacher.text_length), inputs, ["out_sample"], _free(inputs))


def _xl_unet(student: Denoiser, teacher: TeacherFolder) -> Component:
    inputs = _given(student, teacher) | {"text_embeds": torch.randn(2, 8), "time_ids": torch.rand(2, 6) * 64}
    free = _free(inputs) | {"text_embeds": {0: "batch", 1: "pooled"}}
    return Component("unet", StableDiffusionXlStudent(student, teacher.text_length), inputs, ["out_sample"], free)


def _sd3(student: Denoiser, teacher: TeacherFolder) -> Component:
    sample, timestep, words = _given(student, teacher).values()
    inputs = {
        "hidden_states": sample,
        "encoder_hidden_states": words,
        "pooled_projections": torch.randn(2, 8),
        "timestep": timestep,
    }
    free = _free(inputs) | {"pooled_projections": {0: "batch", 1: "pooled"}}
    return Component("transformer", StableDiffusion3Student(student, teacher.text_length), inputs, ["out_hidden_states"], free)


def _flux(student: Denoiser, teacher: TeacherFolder) -> Component:
    sample, timestep, words = _given(student, teacher).values()
    rows, columns = sample.shape[2] // 2, sample.shape[3] // 2
    places = torch.cartesian_prod(torch.arange(float(rows)), torch.arange(float(columns)))
    inputs = {
        "hidden_states": torch.randn(2, rows * columns, 4 * sample.shape[1]), "encoder_hidden_states": words,
        "pooled_projections": torch.randn(2, 8), "timestep": timestep / 1000,
        "img_ids": torch.cat([torch.zeros(rows * columns, 1), places], dim=1), "txt_ids": torch.zeros(words.shape[1], 3),
    }  # fmt: skip
    free: dict[str, dict[int, str]] = {
        "hidden_states": BATCH, "encoder_hidden_states": {0: "batch", 1: "sequence"},
        "pooled_projections": {0: "batch", 1: "pooled"}, "timestep": BATCH, "txt_ids": {0: "sequence"},
    }  # fmt: skip
    return Component("transformer", FluxStudent(student, teacher.text_length), inputs, ["out_hidden_states"], free)


def _z_image(student: Denoiser, teacher: TeacherFolder) -> Component:
    sample, _, _ = _given(student, teacher).values()
    inputs = {
        "hidden_states": sample, "encoder_hidden_states": torch.randn(2, 21, teacher.text_width),
        "timestep": torch.tensor([0.5, 0.1]),
    }  # fmt: skip
    return Component("transformer", ZImageStudent(student, teacher.text_length), inputs, ["out_hidden_states"], _free(inputs))


MAKERS: dict[str, Callable[[Denoiser, TeacherFolder], Component]] = {
    "StableDiffusionPipeline": _unet, "StableDiffusionXLPipeline": _xl_unet, "StableDiffusion3Pipeline": _sd3,
    "FluxPipeline": _flux, "ZImagePipeline": _z_image,
}  # fmt: skip


def denoiser_config(student: Denoiser, teacher: TeacherFolder) -> dict[str, Any]:
    """What pipelines read of their denoiser's configuration, beside the student's own."""
    own = {key: value for key, value in student.config.items() if not key.startswith("_")}
    finest, side = finest_of(student), own["sample_size"]
    more: dict[str, dict[str, Any]] = {
        # As many as there are halvings of the latents, those of the patches included.
        "unet": {
            "block_out_channels": [own["channels"][0]] * (finest.bit_length() - len(own["channels"])) + list(own["channels"]),
            "time_cond_proj_dim": None, "cross_attention_dim": own["context_channels"],
        },
        "transformer": {"joint_attention_dim": own["context_channels"], "patch_size": finest},
    }  # fmt: skip
    found = {"_class_name": type(student).__name__} | own | more[teacher.kind.denoiser]
    if teacher.pipeline == "FluxPipeline":
        return found | {"in_channels": 4 * own["in_channels"], "guidance_embeds": False}
    if teacher.pipeline == "ZImagePipeline":
        longest = MOST_PATCHES if takes_other_sizes(student, teacher) else side // 2
        return found | {"axes_lens": [teacher.text_length, longest, longest]}
    return found


def _given(student: Denoiser, teacher: TeacherFolder) -> dict[str, Tensor]:
    side, channels = student.config["sample_size"], student.config["in_channels"]
    return {
        "sample": torch.randn(2, channels, side, side), "timestep": torch.tensor([500.0, 900.0]),
        "encoder_hidden_states": torch.randn(2, teacher.text_length, teacher.text_width),
    }  # fmt: skip


def _free(inputs: dict[str, Tensor]) -> dict[str, dict[int, str]]:
    return {name: BATCH | ({1: "sequence"} if name == "encoder_hidden_states" else {}) for name in inputs}

"""A diffusers folder as a teacher: which kind it is, whether it is whole, and the shapes of what it will say."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse_models.recipe import RecipeError

CLIP_LENGTH = 77


@dataclass(frozen=True)
class Kind:
    """`denoiser` is its part's name; `packed`: how many latents a side go into one token; `flow`: straight paths, no betas.

    `even`: the pipeline tells its scheduler evenly spaced levels, whatever the scheduler's own are.
    """

    denoiser: str
    texts: tuple[str, ...]
    packed: int
    flow: bool
    even: bool = False


KINDS = {
    "StableDiffusionPipeline": Kind("unet", ("text_encoder",), 1, False),
    "StableDiffusionXLPipeline": Kind("unet", ("text_encoder", "text_encoder_2"), 1, False),
    "StableDiffusion3Pipeline": Kind("transformer", ("text_encoder", "text_encoder_2"), 2, True),
    "FluxPipeline": Kind("transformer", ("text_encoder", "text_encoder_2"), 2, True, even=True),
    "ZImagePipeline": Kind("transformer", ("text_encoder",), 2, True, even=True),
}
WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True)
class TeacherFolder:
    """`channels` of the latents, `scale` pixels a latent's side; `text_length` and `text_width` of the embeddings."""

    folder: Path
    pipeline: str
    channels: int
    scale: int
    text_length: int
    text_width: int

    @property
    def kind(self) -> Kind:
        return KINDS[self.pipeline]


def read_teacher(folder: Path, text_length: int) -> TeacherFolder:
    """`text_length`: tokens of T5 and Qwen3, which have no length of their own. RecipeError names what is missing or wrong."""
    index = _json(folder / "model_index.json", "expected a folder as diffusers' save_pretrained leaves it")
    pipeline = index.get("_class_name")
    if pipeline not in KINDS:
        raise RecipeError(f"{folder}: a {pipeline}; known as teachers: {', '.join(KINDS)}")
    kind = KINDS[pipeline]
    wanted = (kind.denoiser, "vae", *kind.texts)
    missing = [f"{part}/config.json" for part in wanted if not (folder / part / "config.json").is_file()]
    missing += [f"{part}'s weights" for part in wanted if not any(next((folder / part).glob(way), None) for way in WEIGHTS)]
    tokenizers = (part.replace("text_encoder", "tokenizer") for part in kind.texts)
    missing += [f"{part}/" for part in (*tokenizers, "scheduler") if not (folder / part).is_dir()]
    if missing:
        raise RecipeError(f"{folder} lacks {', '.join(missing)}: copy the whole folder of the {pipeline}")
    denoiser = _json(folder / kind.denoiser / "config.json", "")
    vae = _json(folder / "vae/config.json", "")
    channels = denoiser["in_channels"] // (4 if pipeline == "FluxPipeline" else 1)
    if channels != vae["latent_channels"]:
        raise RecipeError(
            f"{folder}: the {kind.denoiser} works on latents of {channels} channels, the vae makes {vae['latent_channels']}: "
            "they do not belong together (a denoiser for inpainting has more channels, and is no teacher here)"
        )
    length, width = _text_shape(folder, pipeline, denoiser, text_length)
    return TeacherFolder(folder, pipeline, channels, 2 ** (len(vae["block_out_channels"]) - 1), length, width)


def _text_shape(folder: Path, pipeline: str, denoiser: dict[str, Any], text_length: int) -> tuple[int, int]:
    if pipeline == "StableDiffusionPipeline" or pipeline == "StableDiffusionXLPipeline":
        return CLIP_LENGTH, int(denoiser["cross_attention_dim"])
    if pipeline == "StableDiffusion3Pipeline":
        return CLIP_LENGTH + text_length, int(denoiser["joint_attention_dim"])
    if pipeline == "FluxPipeline":
        return text_length, int(denoiser["joint_attention_dim"])
    return text_length, int(_json(folder / "text_encoder/config.json", "")["hidden_size"])


def _json(file: Path, expected: str) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text()))
    except FileNotFoundError as cause:
        raise RecipeError(f"{file.parent} lacks {file.name}: {expected}") from cause
    except (OSError, ValueError) as cause:
        raise RecipeError(f"{file}: {cause}") from cause

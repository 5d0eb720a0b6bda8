"""Everything that the TypeScript side is compared with, from one seed: pipelines with new weights, their graphs, requests,
the pictures that diffusers paints, token ids, noise.
"""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from stillhouse_models.diffusers_export.folder import export_folder
from stillhouse_models.diffusers_export.odd_texts import odd_texts
from stillhouse_models.diffusers_export.read_pipeline import read_pipeline
from stillhouse_models.diffusers_export.reference import Wanted, blotchy_mask, paint, smooth_picture
from stillhouse_models.diffusers_export.tiny import KINDS, make_tiny
from stillhouse_models.diffusers_export.tiny_lora import diffusers_adapter, kohya_adapter
from stillhouse_models.diffusers_export.tiny_tokenizers import WORDS
from stillhouse_models.parity_schedulers import vectors

DIFFUSION = (
    "DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
)  # fmt: skip
GUIDED_WITHIN = ("lcm", "lcm-xl", "flux-schnell", "flux-dev")
"""Kinds that take no negative prompt."""
FILLS = ("sd", "sd2", "sd-turbo", "sd-inpaint", "sdxl", "sdxl-turbo", "sdxl-inpaint", "lcm-xl")
"""Kinds that can paint a part of a picture anew."""
ADAPTS = ("sd", "sd2", "sdxl", "sd3", "flux-dev")
"""Kinds that are also painted under a LoRA; of these the small fixtures keep the names that one needs only for the first."""
AS_OPTIMUM = ("sdxl", "flux-schnell")
"""Kinds whose attention is written out, which other exporters do."""
FROM_PICTURES = ("sd", "lcm", "sd3")
"""Kinds of which the small fixtures keep the encoder."""


def make_parity(
    out: Path,
    seed: int,
    kinds: Sequence[str] = tuple(KINDS),
    *,
    runtime: str = "onnx",
    small: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Writes `out/<kind>/` (graphs, wanted.json, tokens.json), `out/noise.json`, and vectors of the schedulers unless `small`."""
    how: dict[str, Any] = {"runtime": runtime} | ({"precision": "fp16"} if small else {})
    requests = 2 if small else 3
    for i, kind in enumerate(kinds):
        say(f"{kind} ({i + 1}/{len(kinds)})")
        source = make_tiny(kind, out / "diffusers" / kind, seed + i)
        wanted = requests_of(kind, random.Random(seed + i), requests)
        encodes = kind in FROM_PICTURES or not small
        named = kind == ADAPTS[0] or not small
        differences = export_folder(
            source, out / kind, with_encoder=encodes, short_names=not named, fused=kind not in AS_OPTIMUM,
            say=lambda _: None, **how,
        )  # fmt: skip
        begun, masked = from_pictures(kind, random.Random(seed + i), requests) if encodes else ([], [])
        adapted = _adapted(kind, source, out / kind, wanted[0]) if named else []
        tiled = _tiled(kind, [wanted[0], *begun[:1], *masked[-1:]])
        painted = paint(source, [*wanted, *batches(wanted), *tiled, *begun, *masked, *adapted], out / kind)
        _write(out / kind / "wanted.json", {"kind": kind, "seed": seed, "graphs": differences, "pictures": painted})
        _write(out / kind / "tokens.json", _tokens(source, random.Random(seed + i)))
    shutil.rmtree(out / "diffusers")
    _write(out / "noise.json", _noise(random.Random(seed)))
    if not small:
        say("schedulers")
        _write(out / "schedulers.json", vectors("single", seed))
        _write(out / "schedulers-multistep.json", vectors("multistep", seed))


def requests_of(kind: str, chance: random.Random, count: int) -> list[Wanted]:
    return [_request(kind, chance, i) for i in range(count)]


def batches(wanted: list[Wanted]) -> list[Wanted]:
    """Requests without and with a negative prompt once more, as several pictures at once."""
    return [replace(one, batch=2 + i) for i, one in enumerate(wanted[:2])]


def _tiled(kind: str, wanted: list[Wanted]) -> list[Wanted]:
    """Some once more, larger than one tile of the VAE, with a row and a column of tiles that are cut off."""
    # A small decoder needs no tiles.
    return [] if kind == "sd-turbo" else [_enlarged(one, 112, 80) for one in wanted]


def _enlarged(one: Wanted, width: int, height: int) -> Wanted:
    """In tiles, from another picture of that size and with another mask of it, where it has them."""
    image = smooth_picture(width, height, one.seed) if one.image else None
    mask = blotchy_mask(width, height, one.seed) if one.mask else None
    return replace(one, width=width, height=height, tiled=True, image=image, mask=mask)


def _adapted(kind: str, source: Path, out: Path, first: Wanted) -> list[Wanted]:
    """The first once more under random adapters, which are written beside the graphs."""
    makers = {"diffusers": diffusers_adapter} if kind in ADAPTS else {}
    if kind in ADAPTS and not kind.startswith(("sd3", "flux")):
        makers["kohya"] = kohya_adapter
    found = []
    for i, (name, make) in enumerate(makers.items()):
        file = f"lora-{name}.safetensors"
        make(source, out / file, first.seed + i)
        found.append(replace(first, lora=file, lora_scale=(0.7, 1.0)[i]))
    return found


def from_pictures(kind: str, chance: random.Random, count: int) -> tuple[list[Wanted], list[Wanted]]:
    """Some from a picture: all of its steps, one, and what lies between, with the schedulers that the kind takes; the same
    with a mask, where it fills."""
    found = []
    for i in range(count):
        one = _request(kind, chance, i)
        # Its Runge-Kutta start cannot be left out, and is refused.
        if one.scheduler == "PNDMScheduler" and kind != "sd":
            one = replace(one, scheduler="DDIMScheduler")
        steps = chance.randint(4, 7)
        # Latent consistency takes all steps over a part of training's 50.
        least = round(steps / 49, 3) if kind == "lcm" else round(1.2 / steps, 3)
        strength = (round(chance.uniform(0.3, 0.9), 2), 1.0, least)[i]
        image = smooth_picture(one.width, one.height, one.seed)
        found.append(replace(one, steps=steps, strength=strength, image=image))
    masked = [_filled(one, i) for i, one in enumerate(found)] if kind in FILLS else []
    # It begins from no picture without a mask.
    return [] if kind.endswith("-inpaint") else found, masked


def _filled(one: Wanted, i: int) -> Wanted:
    """The same with a mask, and another seed."""
    return replace(one, seed=one.seed ^ 1, mask=blotchy_mask(one.width, one.height, one.seed + i))


def _request(kind: str, chance: random.Random, i: int) -> Wanted:
    """The first of the folder's own scheduler and size; later ones of another, where the kind takes others."""
    prompt = " ".join(chance.choices(WORDS, k=chance.randint(2, 9)))
    # Turbo models of both kinds are asked without guidance; Z-Image's other ones with it.
    unguided = kind == "flux-schnell" or (kind == "z-image" and i == 0)
    others = DIFFUSION if kind.startswith(("sd", "lcm")) and not kind.startswith("sd3") and kind != "lcm" else ()
    side = [64, 64] if i == 0 else [8 * chance.randint(4, 10) for _ in range(2)]
    negative = " ".join(chance.choices(WORDS, k=3)) if i % 2 and kind not in GUIDED_WITHIN else None
    wanted = Wanted(
        prompt=prompt, seed=chance.randrange(2**32), steps=chance.randint(2, 6),
        guidance=0.0 if unguided else round(chance.uniform(1.5, 8), 2), width=side[0], height=side[1],
        negative_prompt=negative, scheduler=chance.choice(others) if i and others else None,
    )  # fmt: skip
    # With fewer, the reference's own Runge-Kutta start falls over.
    return replace(wanted, steps=max(4, wanted.steps)) if wanted.scheduler == "PNDMScheduler" else wanted


def _tokens(source: Path, chance: random.Random) -> dict[str, Any]:
    """Of each tokenizer: texts with the ids at its encoder's length, and what of them was left out, where something was."""
    pipeline = read_pipeline(source)
    texts = odd_texts(chance)
    found = {}
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        tokenizer = getattr(pipeline, name, None)
        if tokenizer is None:
            continue
        length = min(tokenizer.model_max_length, 77)
        ids = [tokenizer(text, padding="max_length", max_length=length, truncation=True).input_ids for text in texts]
        unread = [_unread(tokenizer, text, length) for text in texts]
        found[name] = {"length": length, "ids": ids, "unread": unread}
    return {"texts": texts, "tokenizers": found}


def _unread(tokenizer: Any, text: str, length: int) -> str | None:
    """As the pipelines word it in their warning of a prompt that is too long."""
    all_ids = tokenizer(text).input_ids
    if len(all_ids) <= length:
        return None
    closing = 1 if tokenizer("").input_ids else 0
    return tokenizer.decode(all_ids[length - closing : len(all_ids) - closing])


def _noise(chance: random.Random) -> dict[str, Any]:
    """Digests of successive draws from one generator, bit by bit."""
    cases = []
    for _ in range(12):
        seed, counts = chance.randrange(2**32), [chance.randint(16, 5000) for _ in range(3)]
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randn(count, generator=generator).numpy().tobytes() for count in counts]
        cases.append({"seed": seed, "counts": counts, "sha256": [hashlib.sha256(values).hexdigest() for values in drawn]})
    return {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(), "cases": cases}


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")

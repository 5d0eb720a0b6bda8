"""A student's size, without training it: parameters, and multiply-accumulates (MACs) of one network evaluation by resolution."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.recipe import CHOICES, Recipe, RecipeError
from stillhouse_models.tokenizer import MAX_LENGTH

Shape = dict[str, Any]


def inspect_family(shape: Shape, sides: list[int]) -> dict[str, Any]:
    """`shape`: the family, and its constructor's arguments but for the picture's side. RecipeError where it cannot be made."""
    family = shape["family"]
    if family not in FAMILIES:
        raise RecipeError(f"--family is {family!r}; known: {sorted(FAMILIES)}")
    if shape["attention"] not in CHOICES["attention"]:
        raise RecipeError(f"--attention is {shape['attention']!r}; known: {list(CHOICES['attention'])}")
    rows = [_at(shape, side) for side in sides]
    return shape | {"parameters": rows[0]["parameters"], "resolutions": rows}


def _at(shape: Shape, side: int) -> dict[str, Any]:
    levels = len(shape["channels"])
    if side % (shape["patch"] * 2 ** (levels - 1)):
        raise RecipeError(
            f"a side of {side} pixels cannot be halved {levels - 1} times in patches of {shape['patch']}; "
            f"expected a multiple of {shape['patch'] * 2 ** (levels - 1)}"
        )
    network = _made(shape, side)
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.body.named_children()}
    total = sum(p.numel() for p in network.parameters())
    return {"width": side, "height": side, "parameters": total, "macs": _macs(network, shape, side), "byPart": parts}


def _made(shape: Shape, side: int) -> Denoiser:
    arguments = {key: value for key, value in shape.items() if key != "family"}
    # The teacher's family has no such argument, because it has no other kind.
    if shape["family"] == "teacher-unet" and arguments.pop("attention") != "full":
        raise RecipeError("--attention: a teacher-unet knows only 'full'")
    network: Denoiser = FAMILIES[shape["family"]](sample_size=side, **arguments)
    return network.eval()


@torch.no_grad()
def _macs(network: Denoiser, shape: Shape, side: int) -> int:
    """Of matrix products, convolutions and attention, as torch counts them (two operations each); a batch of one."""
    context = torch.zeros(1, MAX_LENGTH, shape["context_channels"])
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, side, side), torch.ones(1), context)
    return counter.get_total_flops() // 2


def inspection_of(recipe: Recipe) -> Shape:
    s = recipe.student
    return {
        "family": s.family, "channels": list(s.channels), "num_res_blocks": s.num_res_blocks, "patch": s.patch,
        "context_channels": recipe.teacher.text_width, "pixel_channels": s.pixel_channels, "attention": s.attention,
    }  # fmt: skip


def whole_numbers(text: str, option: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as cause:
        raise RecipeError(f"{option} is {text!r}; expected whole numbers with commas, such as 32,64,128") from cause
    if min(numbers) < 1:
        raise RecipeError(f"{option} is {text!r}; expected numbers of 1 or more")
    return numbers


def inspection_text(result: dict[str, Any]) -> str:
    blocks = f"{result['num_res_blocks']} blocks a level"
    lines = [f"{result['family']} {result['channels']}, {blocks}, attention {result['attention']}"]
    for row in result["resolutions"]:
        size, millions = f"{row['width']}x{row['height']}", row["macs"] / 1e6
        lines.append(f"{size:>9} {row['parameters']:>13,} parameters {millions:>10,.1f} M MACs a step")
    parts = result["resolutions"][0]["byPart"]
    lines.append("of the parameters: " + ", ".join(f"{name} {count:,}" for name, count in parts.items() if count))
    return "\n".join(lines)

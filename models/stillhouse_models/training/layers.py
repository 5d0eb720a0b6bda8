"""Names of a U-Net's levels, as a recipe writes them: `down0` is the finest on the way down, `up0` the finest on the way up."""

import re


def layer_place(name: str, levels: int) -> tuple[int, int]:
    """Where a level's output stands in `Denoiser.clean_and_features`, and which of the network's widths it has.

    ValueError where there is no such level.
    """
    found = re.fullmatch(r"(down|up)(\d+)", name)
    if not found or int(found[2]) >= levels:
        raise ValueError(f"unknown layer {name!r}; known: down0 to down{levels - 1}, up0 to up{levels - 1}")
    level = int(found[2])
    return (level if found[1] == "down" else 2 * levels - 1 - level), level


def default_layers(levels: int) -> tuple[str, str]:
    """The coarsest level, which knows what is there, and the finest on the way up, which draws it."""
    return f"down{levels - 1}", "up0"

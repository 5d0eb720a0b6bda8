"""48 stickers in two styles on 64x64 pictures, cut from the committed atlas (see models/sprites/render.mjs)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from stillhouse_models.sources.sprites import SpriteSet

SPRITES = Path(__file__).resolve().parents[2] / "sprites"
SIZE_NAMES = ("small", "large")

# Far enough apart that a soft generated picture still shows which one was meant.
BACKGROUNDS = {
    "white": (250, 250, 250),
    "charcoal": (48, 50, 58),
    "navy": (32, 52, 110),
    "sky": (140, 200, 245),
    "teal": (28, 140, 140),
    "mint": (180, 235, 205),
    "cream": (250, 236, 196),
    "pink": (250, 180, 205),
    "lavender": (196, 178, 240),
    "coral": (242, 118, 92),
}


@cache
def stickers() -> SpriteSet:
    layout = json.loads((SPRITES / "atlas.json").read_text())
    atlas = np.asarray(Image.open(SPRITES / "atlas.png").convert("RGBA"))
    cell, count = layout["cell"], len(layout["concepts"])
    pixels: dict[str, dict[str, np.ndarray]] = {}
    for row, style in enumerate(layout["styles"]):
        top = row * layout["rowHeight"]
        pixels[style] = {}
        for name, size in zip(SIZE_NAMES, layout["sizes"], strict=True):
            pixels[style][name] = np.stack([atlas[top : top + size, i * cell : i * cell + size] for i in range(count)])
            top += size
    return SpriteSet(
        name="stickers",
        resolution=64,
        concepts=tuple(layout["concepts"]),
        styles=tuple(layout["styles"]),
        sizes=SIZE_NAMES,
        backgrounds=BACKGROUNDS,
        jitter=1,
        pixels=pixels,
        notice=(SPRITES / "NOTICE").read_text(),
    )

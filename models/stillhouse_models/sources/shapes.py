"""Coloured shapes on 32x32 pictures: nothing to fetch, trains in minutes, serves the tests."""

from functools import cache
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from stillhouse_models.sources.sprites import SpriteSet

OVERSAMPLING = 8
COLOURS = {"red": (220, 40, 45), "green": (40, 160, 70), "blue": (45, 90, 220), "yellow": (245, 200, 40)}
BACKGROUNDS = {"white": (250, 250, 250), "black": (24, 24, 28), "teal": (28, 140, 140), "pink": (250, 180, 205)}
SIZES = {"small": 13, "large": 20}

Point = tuple[float, float]


def _ring(corners: int, radii: tuple[float, ...], turn: float) -> list[Point]:
    """Corners in the unit square, alternating between the radii."""
    angles = [turn + 2 * pi * i / corners for i in range(corners)]
    return [(0.5 + radii[i % len(radii)] * cos(a), 0.5 + radii[i % len(radii)] * sin(a)) for i, a in enumerate(angles)]


SHAPES: dict[str, list[Point]] = {
    "circle": _ring(64, (0.48,), 0),
    "square": [(0.06, 0.06), (0.94, 0.06), (0.94, 0.94), (0.06, 0.94)],
    "triangle": [(0.5, 0.02), (0.98, 0.95), (0.02, 0.95)],
    "star": _ring(10, (0.5, 0.21), -pi / 2),
}


def _draw(shape: str, colour: tuple[int, int, int], size: int) -> np.ndarray:
    """uint8 RGBA [size, size, 4]; the colour is everywhere, so that resampling darkens no edge."""
    large = Image.new("L", (size * OVERSAMPLING, size * OVERSAMPLING), 0)
    ImageDraw.Draw(large).polygon([(x * large.width, y * large.height) for x, y in SHAPES[shape]], fill=255)
    alpha = np.asarray(large.resize((size, size), Image.Resampling.BOX))
    return np.dstack([np.full((size, size, 3), colour, dtype=np.uint8), alpha])


@cache
def shapes() -> SpriteSet:
    names = [(colour, shape) for shape in SHAPES for colour in COLOURS]
    return SpriteSet(
        name="shapes",
        resolution=32,
        concepts=tuple(f"{colour} {shape}" for colour, shape in names),
        styles=("plain",),
        sizes=tuple(SIZES),
        backgrounds=BACKGROUNDS,
        jitter=1,
        pixels={"plain": {name: np.stack([_draw(s, COLOURS[c], size) for c, s in names]) for name, size in SIZES.items()}},
        notice="Pictures: drawn by stillhouse_models.",
    )

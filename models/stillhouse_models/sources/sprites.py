"""Pictures of single objects, ready to be pasted: what a source of captioned scenes is made of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpriteSet:
    """Sprites by style, size and concept, with the picture they are made for.

    `pixels[style][size]` is uint8 RGBA `[concepts, s, s, 4]`, s being that size in pixels.
    """

    name: str
    resolution: int
    concepts: tuple[str, ...]
    styles: tuple[str, ...]
    sizes: tuple[str, ...]
    backgrounds: dict[str, tuple[int, int, int]]
    jitter: int
    pixels: dict[str, dict[str, np.ndarray]]
    notice: str

"""What covers which part of a scene: the answer key for a network that is asked where it puts what it was told."""

import numpy as np

from stillhouse_models.sources.scene import Scene, place_sprites
from stillhouse_models.sources.sprites import SpriteSet

# A cell belongs to the object that covers most of it, if that is at least this share; else to the background.
COVERED = 0.35


def layout(sprites: SpriteSet, scene: Scene, cells: int) -> np.ndarray:
    """int64 [cells, cells]: 0 where the background shows, 1 + the index of a concept where its sprite does."""
    side = sprites.resolution
    cover = np.zeros((len(scene.objects), side, side), dtype=np.float32)
    for index, (sprite, left, top) in enumerate(place_sprites(sprites, scene)):
        height, width = sprite.shape[:2]
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + width, side), min(top + height, side)
        cover[index, y0:y1, x0:x1] = sprite[y0 - top : y1 - top, x0 - left : x1 - left, 3] / 255.0
    size = side // cells
    shares = cover.reshape(len(cover), cells, size, cells, size).mean(axis=(2, 4))
    names = np.array([1 + sprites.concepts.index(concept) for concept in scene.objects])
    return np.where(shares.max(axis=0) >= COVERED, names[shares.argmax(axis=0)], 0)

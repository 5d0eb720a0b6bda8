"""A scene: one or two objects on a background, as plain values, and its picture."""

from dataclasses import dataclass

import numpy as np

from stillhouse_models.sources.sprites import SpriteSet

SINGLE_PLACES = ("centre", "left", "right", "top", "bottom")
PAIR_PLACES = ("beside", "above")
PLACES = SINGLE_PLACES + PAIR_PLACES
NONE = "none"

# Offsets of a single object from the middle as a share of the picture's side, by size index: a large one has less room.
SINGLE_REACH = (0.24, 0.145)
PAIR_REACH = 0.25
_DIRECTIONS = {"centre": (0, 0), "left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `place` "beside": first object on the left; "above": first object on top.

    Pairs are always of the smallest size. Jitter is whole pixels per object, (x, y).
    """

    background: str
    style: str
    size: str
    place: str
    objects: tuple[str, ...]
    jitter: tuple[tuple[int, int], ...]


def draw_scene(sprites: SpriteSet, scene: Scene) -> np.ndarray:
    """uint8 RGB [resolution, resolution, 3]."""
    side = sprites.resolution
    picture = np.empty((side, side, 3), dtype=np.float32)
    picture[:] = sprites.backgrounds[scene.background]
    for sprite, left, top in place_sprites(sprites, scene):
        _paste(picture, sprite.astype(np.float32), left, top)
    return np.round(picture).astype(np.uint8)


def place_sprites(sprites: SpriteSet, scene: Scene) -> list[tuple[np.ndarray, int, int]]:
    """Each object's sprite (uint8 RGBA [s, s, 4]) with the picture's column and row of its corner, which may lie outside."""
    placed = []
    for index, concept in enumerate(scene.objects):
        sprite = sprites.pixels[scene.style][scene.size][sprites.concepts.index(concept)]
        x, y = _centre(sprites, scene, index)
        placed.append((sprite, round(x - sprite.shape[1] / 2), round(y - sprite.shape[0] / 2)))
    return placed


def _centre(sprites: SpriteSet, scene: Scene, index: int) -> tuple[float, float]:
    side = sprites.resolution
    if scene.place in SINGLE_PLACES:
        reach = SINGLE_REACH[sprites.sizes.index(scene.size)]
        dx, dy = (reach * direction for direction in _DIRECTIONS[scene.place])
    else:
        along = PAIR_REACH if index else -PAIR_REACH
        dx, dy = (along, 0.0) if scene.place == "beside" else (0.0, along)
    jx, jy = scene.jitter[index]
    return side * (0.5 + dx) + jx, side * (0.5 + dy) + jy


def _paste(picture: np.ndarray, sprite: np.ndarray, left: int, top: int) -> None:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + sprite.shape[1], width), min(top + sprite.shape[0], height)
    cut = sprite[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha = cut[..., 3:] / 255.0
    region = picture[y0:y1, x0:x1]
    region += (cut[..., :3] - region) * alpha


def random_scene(sprites: SpriteSet, rng: np.random.Generator, pair_share: float) -> Scene:
    pair = rng.random() < pair_share
    count = 2 if pair else 1
    return Scene(
        background=pick(rng, tuple(sprites.backgrounds)),
        style=pick(rng, sprites.styles),
        size=sprites.sizes[0] if pair else pick(rng, sprites.sizes),
        place=pick(rng, PAIR_PLACES if pair else SINGLE_PLACES),
        objects=tuple(sprites.concepts[i] for i in rng.choice(len(sprites.concepts), size=count, replace=False)),
        jitter=tuple(_offset(rng, sprites.jitter) for _ in range(count)),
    )


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    # rng.choice would first build an array of the strings, at ten times the cost.
    return choices[rng.integers(len(choices))]


def _offset(rng: np.random.Generator, jitter: int) -> tuple[int, int]:
    x, y = rng.integers(-jitter, jitter + 1, size=2)
    return int(x), int(y)

"""Batches of captioned pictures, endless and reproducible from a seed."""

from dataclasses import dataclass, replace
from itertools import product
from zlib import crc32

import numpy as np

from stillhouse_models.sources.caption import Caption, Wording, caption
from stillhouse_models.sources.scene import NONE, PAIR_PLACES, PLACES, SINGLE_PLACES, Scene, draw_scene, random_scene
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.sources.stickers import stickers

SOURCES = {"stickers": stickers, "shapes": shapes}


@dataclass(frozen=True)
class Batch:
    """`pictures` uint8 [n, side, side, 3]; captions and scenes in the same order."""

    pictures: np.ndarray
    captions: list[Caption]
    scenes: list[Scene]


def heads(sprites: SpriteSet) -> dict[str, list[str]]:
    """What can be asked of a picture: head name -> its labels, in the order of the evaluator's outputs."""
    answers = {"background": list(sprites.backgrounds), "place": list(PLACES), "size": list(sprites.sizes)}
    if len(sprites.styles) > 1:
        answers["style"] = list(sprites.styles)
    return answers | {"object1": list(sprites.concepts), "object2": [*sprites.concepts, NONE]}


def labels(sprites: SpriteSet, scene: Scene) -> dict[str, str]:
    """Every head's true answer for a scene."""
    answers = {"background": scene.background, "place": scene.place, "size": scene.size, "style": scene.style}
    answers |= {"object1": scene.objects[0], "object2": scene.objects[1] if len(scene.objects) > 1 else NONE}
    return {head: answers[head] for head in heads(sprites)}


def is_held_out(scene: Scene) -> bool:
    """One combination of objects, place and background in ten is never trained on, so that evaluation asks for new ones."""
    return crc32("|".join((*scene.objects, scene.place, scene.background)).encode()) % 10 == 0


def draw_scenes(sprites: SpriteSet, rng: np.random.Generator, count: int, pair_share: float, held_out: bool) -> list[Scene]:
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = random_scene(sprites, rng, pair_share)
        if is_held_out(scene) == held_out:
            scenes.append(scene)
    return scenes


def settled(sprites: SpriteSet, scene: Scene, parts: dict[str, str]) -> Scene:
    """The scene with all that its caption leaves out as usual: the first background, place and style, the largest size.

    `parts` are what the caption promises. Where that is a held-out combination, the next place or background is taken.
    """
    pair = scene.place in PAIR_PLACES
    places = [scene.place] if "place" in parts else list(PAIR_PLACES if pair else SINGLE_PLACES)
    backgrounds = [scene.background] if "background" in parts else list(sprites.backgrounds)
    size = scene.size if pair or "size" in parts else sprites.sizes[-1]
    style = scene.style if "style" in parts else sprites.styles[0]
    usual = (
        replace(scene, background=background, place=place, size=size, style=style)
        for background, place in product(backgrounds, places)
    )
    return next((each for each in usual if not is_held_out(each)), scene)


def batch(
    sprites: SpriteSet, rng: np.random.Generator, count: int, pair_share: float, wording: Wording, held_out: bool = False,
    settle: bool = False,
) -> Batch:  # fmt: skip
    """`settle`: what a caption leaves out is as usual in its picture, instead of drawn at random."""
    scenes = draw_scenes(sprites, rng, count, pair_share, held_out)
    captions = [caption(sprites, scene, rng, wording) for scene in scenes]
    if settle:
        scenes = [settled(sprites, scene, each.parts) for scene, each in zip(scenes, captions, strict=True)]
    return Batch(pictures=np.stack([draw_scene(sprites, scene) for scene in scenes]), captions=captions, scenes=scenes)

"""Captions: the sentence for a scene, and which parts of the scene the sentence promises.

    a [small|large] fox [on the left] [on teal background] [glossy style]
    a fox on the left of a red apple [on teal background] [glossy style]

Bracketed parts may be missing. A student's lessons show what a caption leaves out as it usually is, so that a stranger's short
prompt gives a sharp picture; the teacher, which has many steps to decide in, learns from all that it may be.
"""

from dataclasses import dataclass

import numpy as np

from stillhouse_models.sources.scene import PAIR_PLACES, Scene, pick
from stillhouse_models.sources.sprites import SpriteSet

PLACE_WORDS = {
    "centre": ("in the centre", "in the center", "in the middle"),
    "left": ("on the left",),
    "right": ("on the right",),
    "top": ("at the top", "on the top"),
    "bottom": ("at the bottom", "on the bottom"),
}
FIRST_TO_SECOND = {"beside": ("on the left of", "to the left of"), "above": ("above",)}
SECOND_TO_FIRST = {"beside": ("on the right of", "to the right of"), "above": ("below",)}
EXTRA_WORDS = ("a", "an", "the", "background", "style", "big", "with")


@dataclass(frozen=True)
class Wording:
    """Which optional parts a caption names, and how plainly. Shares are probabilities."""

    name_background: float = 0.9
    name_style: float = 0.7
    name_size: float = 0.6
    name_place: float = 0.7
    vary: float = 0.3


PLAIN = Wording(1, 1, 1, 1, 0)
SHORT = Wording(name_background=0.4, name_style=0.2, name_size=0.2, name_place=0.25)


@dataclass(frozen=True)
class Caption:
    text: str
    parts: dict[str, str]


def caption(sprites: SpriteSet, scene: Scene, rng: np.random.Generator, wording: Wording = PLAIN) -> Caption:
    """`parts` maps evaluator heads to the labels that the text promises."""
    parts = {f"object{i + 1}": concept for i, concept in enumerate(scene.objects)}
    pair = scene.place in PAIR_PLACES
    words = _pair(scene, rng, wording) if pair else _single(scene, rng, wording, parts)
    if pair:
        parts["place"] = scene.place
    if rng.random() < wording.name_background:
        parts["background"] = scene.background
        words.append(f"on {'a ' if rng.random() < wording.vary else ''}{scene.background} background")
    if len(sprites.styles) > 1 and rng.random() < wording.name_style:
        parts["style"] = scene.style
        words.append(f"{'in ' if rng.random() < wording.vary / 2 else ''}{scene.style} style")
    return Caption(" ".join(words), parts)


def _single(scene: Scene, rng: np.random.Generator, wording: Wording, parts: dict[str, str]) -> list[str]:
    noun = scene.objects[0]
    if rng.random() < wording.name_size:
        parts["size"] = scene.size
        noun = f"{'big' if scene.size == 'large' and rng.random() < wording.vary / 2 else scene.size} {noun}"
    words = [_with_article(noun, rng, wording)]
    if rng.random() < wording.name_place:
        parts["place"] = scene.place
        words.append(_choose(PLACE_WORDS[scene.place], rng, wording))
    return words


def _pair(scene: Scene, rng: np.random.Generator, wording: Wording) -> list[str]:
    first, second = (_with_article(noun, rng, wording) for noun in scene.objects)
    if rng.random() < wording.vary / 2:
        return [second, _choose(SECOND_TO_FIRST[scene.place], rng, wording), first]
    return [first, _choose(FIRST_TO_SECOND[scene.place], rng, wording), second]


def _with_article(noun: str, rng: np.random.Generator, wording: Wording) -> str:
    if rng.random() < wording.vary / 3:
        return noun
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _choose(ways: tuple[str, ...], rng: np.random.Generator, wording: Wording) -> str:
    return pick(rng, ways) if rng.random() < wording.vary else ways[0]


def vocabulary(sprites: SpriteSet) -> list[str]:
    """Every word that a caption can hold, sorted."""
    phrases = [*EXTRA_WORDS, *sprites.concepts, *sprites.styles, *sprites.sizes, *sprites.backgrounds]
    for table in (PLACE_WORDS, FIRST_TO_SECOND, SECOND_TO_FIRST):
        phrases += [way for ways in table.values() for way in ways]
    return sorted({word for phrase in phrases for word in phrase.split()})

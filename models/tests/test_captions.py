import numpy as np
import pytest

from stillhouse_models.sources.batches import SOURCES, batch, heads, is_held_out, labels
from stillhouse_models.sources.caption import PLAIN, SHORT, Wording, vocabulary
from stillhouse_models.tokenizer import MAX_LENGTH, UNKNOWN, build_tokenizer, encode


@pytest.fixture(params=sorted(SOURCES))
def sprites(request):  # type: ignore[no-untyped-def]
    return SOURCES[request.param]()


def test_every_caption_is_within_the_vocabulary_and_length(sprites) -> None:  # type: ignore[no-untyped-def]
    tokenizer = build_tokenizer(vocabulary(sprites))
    captions = batch(sprites, np.random.default_rng(1), 500, 0.5, Wording()).captions
    ids = encode(tokenizer, [caption.text for caption in captions])
    assert ids.shape == (500, MAX_LENGTH)
    assert (ids != tokenizer.token_to_id(UNKNOWN)).all()


def test_a_caption_promises_only_what_the_scene_shows(sprites) -> None:  # type: ignore[no-untyped-def]
    drawn = batch(sprites, np.random.default_rng(2), 500, 0.5, Wording())
    for caption, scene in zip(drawn.captions, drawn.scenes, strict=True):
        truth = labels(sprites, scene)
        assert all(truth[head] == label for head, label in caption.parts.items())


def test_the_same_seed_draws_the_same_pictures(sprites) -> None:  # type: ignore[no-untyped-def]
    first, second = (batch(sprites, np.random.default_rng(3), 8, 0.5, PLAIN) for _ in range(2))
    assert (first.pictures == second.pictures).all()
    assert first.captions == second.captions


def test_held_out_scenes_are_never_drawn_for_training(sprites) -> None:  # type: ignore[no-untyped-def]
    assert not any(is_held_out(s) for s in batch(sprites, np.random.default_rng(4), 300, 0.5, PLAIN).scenes)
    assert all(is_held_out(s) for s in batch(sprites, np.random.default_rng(4), 50, 0.5, PLAIN, held_out=True).scenes)


def test_what_a_caption_leaves_out_is_settled_and_nothing_held_out_is_shown(sprites) -> None:  # type: ignore[no-untyped-def]
    drawn = batch(sprites, np.random.default_rng(5), 1500, 0.4, SHORT, settle=True)
    seen: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for told, scene in zip(drawn.captions, drawn.scenes, strict=True):
        truth = labels(sprites, scene)
        assert all(truth[head] == label for head, label in told.parts.items())
        assert not is_held_out(scene)
        seen.setdefault(tuple(sorted(told.parts.items())), set()).add(tuple(truth.values()))
    assert max(len(pictures) for pictures in seen.values()) == 1
    assert len(seen) > 300
    short = next(scene for told, scene in zip(drawn.captions, drawn.scenes, strict=True) if list(told.parts) == ["object1"])
    assert (short.size, short.style) == (sprites.sizes[-1], sprites.styles[0])


def test_punctuation_and_case_change_nothing_and_strange_words_are_unknown(sprites) -> None:  # type: ignore[no-untyped-def]
    tokenizer = build_tokenizer(vocabulary(sprites))
    plain, loud = encode(tokenizer, ["a large thing on teal background", "A LARGE thing, on (teal) background!"])
    assert (plain == loud).all()
    assert tokenizer.token_to_id(UNKNOWN) in plain


def test_heads_name_every_label_once(sprites) -> None:  # type: ignore[no-untyped-def]
    for names in heads(sprites).values():
        assert len(set(names)) == len(names)

"""The answer key of a scene's layout, and the heads that ask for it."""

import numpy as np
import torch

from stillhouse_models.networks.lite_unet import LiteUNet
from stillhouse_models.sources.layout import layout
from stillhouse_models.sources.scene import Scene, draw_scene
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.training.layout_heads import LayoutHeads

PAIR = Scene("white", "plain", "small", "beside", ("red square", "blue circle"), ((0, 0), (0, 0)))


def test_each_object_covers_its_side() -> None:
    sprites = shapes()
    red, blue = (1 + sprites.concepts.index(name) for name in PAIR.objects)
    key = layout(sprites, PAIR, 8)
    assert set(np.unique(key[:, :4])) == {0, red}
    assert set(np.unique(key[:, 4:])) == {0, blue}


def test_what_is_no_object_shows_the_background() -> None:
    sprites = shapes()
    key, picture = layout(sprites, PAIR, 32), draw_scene(sprites, PAIR)
    plain = (picture == np.array(sprites.backgrounds["white"])).all(axis=2)
    assert not key[plain].any()
    assert key[~plain].mean() > 0


def test_only_told_pictures_are_asked() -> None:
    sprites = shapes()
    unet = LiteUNet(channels=[8, 16], num_res_blocks=1, context_channels=16, sample_size=32)
    heads = LayoutHeads(sprites, unet)
    features = unet.clean_and_features(torch.randn(2, 3, 32, 32), torch.full((2,), 500.0), torch.randn(2, 4, 16))[1]
    both = heads(features, [PAIR, PAIR], [True, False])
    alone = heads([feature[:1] for feature in features], [PAIR], [True])
    assert torch.isclose(both, alone)
    assert both > 0

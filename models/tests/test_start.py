"""Students that begin with their teacher's weights."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.sources.caption import vocabulary
from stillhouse_models.sources.shapes import shapes
from stillhouse_models.start.begin_with import begin_with, nearest_separable
from stillhouse_models.start.importance import KINDS, Importance, l1_importance, taylor_importance
from stillhouse_models.start.select_channels import kept_channels, narrowed
from stillhouse_models.start.spaces import Segment, axes_of
from stillhouse_models.start.start_from_teacher import mismatches, start_from_teacher
from stillhouse_models.tokenizer import MAX_LENGTH, build_tokenizer
from stillhouse_models.weights import Painter

SHAPE = {"context_channels": 16, "sample_size": 32, "patch": 4}


def teacher(channels: list[int], blocks: int = 1) -> Painter:
    torch.manual_seed(3)
    unet = TeacherUNet(channels=channels, num_res_blocks=blocks, pixel_channels=6, **SHAPE)
    for parameter in unet.parameters():
        nn.init.normal_(parameter, std=0.1)
    tokenizer = build_tokenizer(vocabulary(shapes()))
    encoder = TextEncoder(vocabulary=tokenizer.get_vocab_size(), length=MAX_LENGTH, width=16, layers=1)
    unet.requires_grad_(False)
    return Painter(unet.eval(), encoder.eval(), tokenizer)


def student(family: str, channels: list[int], blocks: int = 1, pixels: int = 6) -> Denoiser:
    torch.manual_seed(4)
    return FAMILIES[family](channels=channels, num_res_blocks=blocks, pixel_channels=pixels, **SHAPE).eval()


def answer(network: Denoiser) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise, context = torch.randn(2, 3, 32, 32, generator=generator), torch.randn(2, MAX_LENGTH, 16, generator=generator)
    with torch.no_grad():
        return network.clean(noise, torch.tensor([300.0, 900.0]), context)


def start(network: Denoiser, painter: Painter, importance: str = "taylor") -> None:
    start_from_teacher(network, painter, shapes(), importance, steps=4, seed=0)


@pytest.mark.parametrize("importance", KINDS)
@pytest.mark.parametrize(("channels", "blocks"), [([16, 32], 1), ([16, 16, 160], 2)])
def test_at_full_width_the_pictures_are_the_teachers(channels: list[int], blocks: int, importance: str) -> None:
    painter, network = teacher(channels, blocks), student("teacher-unet", channels, blocks)
    assert not torch.equal(answer(network), answer(painter.unet))
    start(network, painter, importance)
    assert torch.equal(answer(network), answer(painter.unet))


def test_blocks_beyond_the_teachers_change_nothing() -> None:
    painter, network = teacher([16, 32]), student("teacher-unet", [16, 32], blocks=3)
    start(network, painter)
    torch.testing.assert_close(answer(network), answer(painter.unet))


def test_a_separable_teacher_is_met_exactly() -> None:
    painter, network = teacher([16, 32]), student("separable-unet", [16, 32])
    with torch.no_grad():
        for name, weight in painter.unet.named_parameters():
            if weight.ndim == 4 and ("conv1" in name or "conv2" in name):
                filters, points = nearest_separable(weight)
                weight.copy_(filters.transpose(0, 1) * points)
        # The student's head has a 1x1 kernel where the teacher's has 3x3: only the middle tap, so that its sum is the tap.
        spread = painter.unet.body.head.spread.weight
        spread.copy_(spread * torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 0]]))
    start(network, painter)
    torch.testing.assert_close(answer(network), answer(painter.unet), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("attention", ["full", "linear"])
def test_every_family_begins_narrower(family: str, attention: str) -> None:
    painter = teacher([16, 32])
    kind = {} if family == "teacher-unet" else {"attention": attention}
    network = FAMILIES[family](channels=[8, 16], num_res_blocks=2, pixel_channels=4, **SHAPE, **kind)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start(network, painter)
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {"body.stem.weight", "body.down.1.attention.mix.query.weight", "body.head.out.weight"} <= moved
    assert answer(network).isfinite().all()


def test_the_channel_that_matters_is_kept() -> None:
    painter = teacher([16, 32])
    with torch.no_grad():
        for name, weight in painter.unet.named_parameters():
            if name.startswith("body.down.0.blocks.0.conv1") or name.startswith("body.down.0.blocks.0.norm2"):
                weight[[2, 11]] *= 50
    wide, narrow = axes_of(painter.unet.config), axes_of(student("teacher-unet", [8, 16]).config)
    kept = kept_channels(l1_importance(painter.unet, wide), wide, narrow)["body.down.0.blocks.0.inner"]
    assert {2, 11} <= set(kept.tolist())
    assert kept.tolist() == sorted(kept.tolist())


def test_taylor_scores_a_channel_by_gradient_times_weight() -> None:
    network = nn.Linear(2, 1, bias=False)
    network.weight.data = torch.tensor([[3.0, 5.0]])
    axes = {"weight": ((Segment(None, 1),), (Segment("in", 2),))}
    # Losses 2 * w0 + w1 and w1: gradients (2, 1) and (0, 1); (2 * 3)^2 and 2 * (1 * 5)^2.
    losses = [network(torch.tensor([[2.0, 1.0]])).sum(), network(torch.tensor([[0.0, 1.0]])).sum()]
    assert taylor_importance(network, axes, losses)["in"].tolist() == [36.0, 50.0]


def test_a_shared_channel_collects_all_its_weights() -> None:
    importance = Importance({"a": ((Segment("s", 2, repeat=2),),), "b": ((Segment("t", 1), Segment("s", 2)),)})
    importance.add("a", torch.tensor([1.0, 2.0, 3.0, 4.0]))
    importance.add("b", torch.tensor([100.0, 10.0, 20.0]))
    assert importance.channels["s"].tolist() == [13.0, 27.0]
    assert importance.channels["t"].tolist() == [100.0]


def test_heads_stay_whole_and_queries_keep_the_size_of_their_answers() -> None:
    painter, network = teacher([16, 192]), student("teacher-unet", [8, 128])
    wide, narrow = axes_of(painter.unet.config), axes_of(network.config)
    kept = kept_channels(l1_importance(painter.unet, wide), wide, narrow)
    compared, told = (kept[f"body.down.1.attention.mix.{what}"] for what in ("compared", "told"))
    assert torch.equal(compared, told)
    assert {(index // 64).item() for index in compared} == {(index // 64).item() for index in compared[::64]}
    state = narrowed(painter.unet.state_dict(), kept, wide, narrow)
    name, stream = "body.down.0.attention.cross.query.weight", kept["down0"]
    rows = kept["body.down.0.attention.cross.compared"]
    torch.testing.assert_close(state[name], painter.unet.state_dict()[name][rows][:, stream] * (8 / 16) ** 0.5)


def test_the_nearest_separable_convolution_is_exact_for_one() -> None:
    torch.manual_seed(0)
    filters, points = torch.randn(3, 1, 3, 3), torch.randn(5, 3, 1, 1)
    found = nearest_separable(filters.transpose(0, 1) * points)
    torch.testing.assert_close(found[0].transpose(0, 1) * found[1], filters.transpose(0, 1) * points)


def test_what_does_not_correspond_is_named() -> None:
    config = dict(teacher([16, 32]).unet.config)
    assert mismatches(config, config) == []
    reasons = mismatches(config, config | {"patch": 8, "channels": [8, 64], "pixel_channels": 9})
    assert ["patch" in reasons[0], "wider" in reasons[1], "pixel_channels 9" in reasons[2]] == [True] * 3
    with pytest.raises(ValueError, match="3 levels, the teacher 2"):
        start(student("lite-unet", [8, 8, 8]), teacher([16, 32]))
    with pytest.raises(ValueError, match="not from a LiteUNet"):
        start(student("lite-unet", [8, 16]), replace(teacher([16, 32]), unet=student("lite-unet", [8, 16])))


def test_the_teacher_is_frozen_again_afterwards() -> None:
    painter = teacher([16, 32])
    start(student("lite-unet", [8, 16]), painter)
    assert not any(parameter.requires_grad for parameter in painter.unet.parameters())


def test_begin_with_covers_every_weight_of_a_plain_student() -> None:
    painter, network = teacher([16, 32]), student("teacher-unet", [16, 32])
    for parameter in network.parameters():
        parameter.data.fill_(float("nan"))
    begin_with(network, painter.unet.state_dict())
    assert not any(parameter.isnan().any() for parameter in network.parameters())

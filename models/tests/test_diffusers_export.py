"""Tiny pipelines and their graphs; that the pictures are diffusers' own is test/parity's to say."""

import json
import random
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from diffusers.models.activations import GEGLU
from torch import Tensor, nn

from stillhouse_models.diffusers_export.components import Component
from stillhouse_models.diffusers_export.folder import CannotExportError, export_folder
from stillhouse_models.diffusers_export.reference import Wanted, paint
from stillhouse_models.diffusers_export.tiny import make_tiny
from stillhouse_models.diffusers_export.tiny_lora import diffusers_adapter
from stillhouse_models.diffusers_export.to_onnx import check_against_torch, to_onnx

FLUX = Wanted(prompt="a red fox", seed=7, steps=2, guidance=3.5, width=32, height=48)


def test_a_seed_makes_the_same_folder_and_another_one_another(tmp_path: Path) -> None:
    first, again, other = (make_tiny("flux-dev", tmp_path / name, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    painted = [paint(folder, [FLUX])[0]["pixels"] for folder in (first, again, other)]
    assert painted[0] == painted[1]
    assert painted[0] != painted[2]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_writes_the_layout_of_optimum_and_holds_it_against_pytorch(tmp_path: Path, precision: str) -> None:
    source = make_tiny("sd", tmp_path / "source", random.Random(5).randrange(1000))
    (source / "LICENSE").write_text("as the source\n")
    differences = export_folder(source, tmp_path / "out", precision=precision, say=lambda _: None)
    assert set(differences) == {"text_encoder", "unet", "vae_decoder", "vae_encoder"}
    assert max(differences.values()) < 2e-4
    unet = onnx.load(tmp_path / "out/unet/model.onnx")
    assert [value.name for value in unet.graph.input] == ["sample", "timestep", "encoder_hidden_states"]
    assert [value.name for value in unet.graph.output] == ["out_sample"]
    assert (tmp_path / "out/LICENSE").read_text() == "as the source\n"
    assert json.loads((tmp_path / "out/scheduler/scheduler_config.json").read_text())["_class_name"] == "PNDMScheduler"


def test_fuses_attention_for_onnx_runtime_and_says_so_and_leaves_its_sizes_free(tmp_path: Path) -> None:
    source = make_tiny("flux-dev", tmp_path / "source", random.Random(5).randrange(1000))
    for name, fused in (("fused", True), ("plain", False)):
        export_folder(source, tmp_path / name, fused=fused, with_encoder=False, say=lambda _: None)
    for part, marked in (("transformer", True), ("vae_decoder", True), ("text_encoder_2", False)):
        kinds = [node.op_type for node in onnx.load(tmp_path / "fused" / part / "model.onnx").graph.node]
        assert ("MultiHeadAttention" in kinds) == marked
        # T5 adds to its scores, which the operator would hold.
        assert ("Softmax" in kinds) != marked
        config = json.loads((tmp_path / "fused" / part / "config.json").read_text())
        assert config.get("fused_attention", False) == marked
        plain = [node.op_type for node in onnx.load(tmp_path / "plain" / part / "model.onnx").graph.node]
        assert "MultiHeadAttention" not in plain
        assert "fused_attention" not in json.loads((tmp_path / "plain" / part / "config.json").read_text())
    sessions = [onnxruntime.InferenceSession(tmp_path / name / "transformer/model.onnx") for name in ("fused", "plain")]
    chance = np.random.default_rng(3)
    for patches, words in ((20, 7), (91, 40)):
        sizes = {"batch": 2, "patches": patches, "sequence": words}
        feeds = {
            value.name: chance.standard_normal([sizes.get(size, size) for size in value.shape], dtype=np.float32)
            for value in sessions[0].get_inputs()
        }
        fused, plain = (session.run(None, feeds)[0] for session in sessions)
        assert fused.shape[:2] == (2, patches)
        np.testing.assert_allclose(fused, plain, atol=1e-5)


class _Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = GEGLU(12, 8)

    def forward(self, words: Tensor) -> tuple[Tensor]:
        return (self.layer(words),)


def test_halves_of_a_gated_layer_are_one_operator_of_free_sizes(tmp_path: Path) -> None:
    words = {"words": torch.randn(2, 5, 12)}
    component = Component("unet", _Gated().eval(), words, ["gated"], {"words": {0: "batch", 1: "sequence"}}, "unet")
    graph = to_onnx(component)
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("Split") == 1
    assert "Slice" not in kinds
    onnx.save(graph, tmp_path / "model.onnx")
    assert check_against_torch(component, tmp_path / "model.onnx") < 1e-5


def test_merges_an_adapter_for_good(tmp_path: Path) -> None:
    source = make_tiny("sd", tmp_path / "source", 5)
    diffusers_adapter(source, tmp_path / "style.safetensors", 1)
    for name, adapters in (("plain", []), ("adapted", [(tmp_path / "style.safetensors", 0.5)])):
        # Held against the network with the adapter in it.
        differences = export_folder(source, tmp_path / name, adapters=adapters, with_encoder=False, say=lambda _: None)
        assert max(differences.values()) < 2e-4
    plain, adapted = (
        {tensor.name: tensor.raw_data for tensor in onnx.load(tmp_path / name / "unet/model.onnx").graph.initializer}
        for name in ("plain", "adapted")
    )
    changed = {name for name in plain if plain[name] != adapted[name]}
    assert "network.mid_block.resnets.0.conv1.weight" in changed
    assert "network.conv_in.weight" not in changed
    (tmp_path / "no.safetensors").write_bytes(b"none")
    with pytest.raises(CannotExportError, match=r"no\.safetensors"):
        export_folder(source, tmp_path / "out", adapters=[(tmp_path / "no.safetensors", 1.0)], say=lambda _: None)


def test_refuses_what_is_no_pipeline_and_one_that_lacks_a_part(tmp_path: Path) -> None:
    with pytest.raises(CannotExportError, match=r"no model_index\.json"):
        export_folder(tmp_path, tmp_path / "out")
    (tmp_path / "model_index.json").write_text('{"_class_name": "NoSuchPipeline"}')
    with pytest.raises(CannotExportError, match="no pipeline of diffusers"):
        export_folder(tmp_path, tmp_path / "out")
    (tmp_path / "model_index.json").write_text(
        '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
    )
    with pytest.raises(CannotExportError, match="names unet"):
        export_folder(tmp_path, tmp_path / "out")

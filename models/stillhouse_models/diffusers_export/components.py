"""The graphs of a pipeline: which network, what goes in and comes out (the names are optimum's), and which sizes are free."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Component:
    """One graph: `forward` takes the inputs in their order and returns the outputs in theirs."""

    name: str
    network: nn.Module
    inputs: dict[str, Tensor]
    outputs: list[str]
    """Of each input: axis -> name of the free size."""
    free: dict[str, dict[int, str]] = field(default_factory=dict)
    """The folder's config.json belongs to this part of the pipeline."""
    part: str = ""
    """Name of a free size -> another one to check the graph at, where the usual ones do not fit."""
    sizes: dict[str, int] = field(default_factory=dict)


class _Call(nn.Module):
    """A network under a function's signature, so that the exporter sees plain tensors."""

    def __init__(self, network: nn.Module, function: Callable[..., tuple[Tensor, ...]]):
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.function(self.network, *inputs)


IMAGE = {0: "batch", 2: "height", 3: "width"}
WORDS = {0: "batch", 1: "sequence"}


def text_encoder(name: str, network: Any) -> Component:
    """CLIP gives what is pooled or projected, the last state and every hidden one; T5 the last state."""
    layers = network.config.num_hidden_layers
    kind = type(network).__name__
    ids = torch.randint(3, network.config.vocab_size, (2, 77), generator=torch.Generator().manual_seed(0))
    if kind == "T5EncoderModel":
        call = _Call(network, lambda net, ids: (net(ids, return_dict=True).last_hidden_state,))
        return Component(name, call, {"input_ids": ids}, ["last_hidden_state"], {"input_ids": WORDS}, name)
    projected = kind == "CLIPTextModelWithProjection"

    def clip(net: Any, ids: Tensor) -> tuple[Tensor, ...]:
        out = net(ids, output_hidden_states=True, return_dict=True)
        pooled = out.text_embeds if projected else out.pooler_output
        first = (pooled, out.last_hidden_state) if projected else (out.last_hidden_state, pooled)
        return (*first, *out.hidden_states)

    names = ["text_embeds", "last_hidden_state"] if projected else ["last_hidden_state", "pooler_output"]
    outputs = [*names, *(f"hidden_states.{i}" for i in range(layers + 1))]
    return Component(name, _Call(network, clip), {"input_ids": ids}, outputs, {"input_ids": WORDS}, name)


def unet(network: Any) -> Component:
    config = network.config
    inputs = {
        "sample": torch.randn(2, config.in_channels, 32, 24), "timestep": torch.tensor([500.0, 500.0]),
        "encoder_hidden_states": torch.randn(2, 77, config.cross_attention_dim),
    }  # fmt: skip
    free: dict[str, dict[int, str]] = {"sample": IMAGE, "timestep": {0: "batch"}, "encoder_hidden_states": WORDS}
    if config.time_cond_proj_dim is not None:
        inputs["timestep_cond"] = torch.randn(2, config.time_cond_proj_dim)
    if config.addition_embed_type == "text_time":
        width = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        inputs |= {"text_embeds": torch.randn(2, width), "time_ids": torch.rand(2, 6) * 64}
    for name in ("timestep_cond", "text_embeds", "time_ids"):
        if name in inputs:
            free[name] = {0: "batch"}
    names = list(inputs)

    def call(net: Any, *values: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(names, values, strict=True))
        added = {name: given[name] for name in ("text_embeds", "time_ids") if name in given}
        return net(
            given["sample"], given["timestep"], given["encoder_hidden_states"], timestep_cond=given.get("timestep_cond"),
            added_cond_kwargs=added or None, return_dict=False,
        )  # fmt: skip

    return Component("unet", _Call(network, call), inputs, ["out_sample"], free, "unet")


def sd3_transformer(network: Any) -> Component:
    config = network.config
    inputs = {
        "hidden_states": torch.randn(2, config.in_channels, 32, 24),
        "encoder_hidden_states": torch.randn(2, 100, config.joint_attention_dim),
        "pooled_projections": torch.randn(2, config.pooled_projection_dim), "timestep": torch.tensor([500.0, 500.0]),
    }  # fmt: skip
    call = _Call(network, lambda net, *given: net(*given, return_dict=False))
    free = {"hidden_states": IMAGE, "encoder_hidden_states": WORDS, "pooled_projections": {0: "batch"}, "timestep": {0: "batch"}}
    return Component("transformer", call, inputs, ["out_hidden_states"], free, "transformer")


def flux_transformer(network: Any) -> Component:
    config = network.config
    positions = torch.cartesian_prod(torch.arange(6.0), torch.arange(8.0))
    inputs = {
        "hidden_states": torch.randn(1, 48, config.in_channels),
        "encoder_hidden_states": torch.randn(1, 32, config.joint_attention_dim),
        "pooled_projections": torch.randn(1, config.pooled_projection_dim), "timestep": torch.tensor([0.5]),
        "img_ids": torch.cat([torch.zeros(48, 1), positions], dim=1), "txt_ids": torch.zeros(32, 3),
    }  # fmt: skip
    if config.guidance_embeds:
        inputs["guidance"] = torch.tensor([3.5])
    free = {
        "hidden_states": {0: "batch", 1: "patches"}, "encoder_hidden_states": WORDS, "pooled_projections": {0: "batch"},
        "timestep": {0: "batch"}, "img_ids": {0: "patches"}, "txt_ids": {0: "sequence"}, "guidance": {0: "batch"},
    }  # fmt: skip

    def call(
        net: Any, hidden: Tensor, words: Tensor, pooled: Tensor, t: Tensor, image: Tensor, text: Tensor, *rest: Tensor
    ) -> Any:
        guidance = rest[0] if rest else None
        return net(
            hidden_states=hidden, encoder_hidden_states=words, pooled_projections=pooled, timestep=t, img_ids=image, txt_ids=text,
            guidance=guidance, return_dict=False,
        )  # fmt: skip

    kept = {name: axes for name, axes in free.items() if name in inputs}
    return Component("transformer", _Call(network, call), inputs, ["out_hidden_states"], kept, "transformer")


def vae_decoder(network: Any) -> Component:
    latents = torch.randn(1, network.config.latent_channels, 32, 24)
    call = _Call(network, lambda net, latents: (net.decode(latents, return_dict=False)[0],))
    return Component("vae_decoder", call, {"latent_sample": latents}, ["sample"], {"latent_sample": IMAGE}, "vae")


def vae_encoder(network: Any) -> Component:
    """The distribution's mean and logarithm of variance, one after the other, as optimum names them."""
    sides = 2 ** (len(network.config.block_out_channels) - 1)
    pictures = torch.randn(1, 3, 16 * sides, 12 * sides)

    def call(net: Any, picture: Tensor) -> tuple[Tensor, ...]:
        encoded = net.encode(picture, return_dict=False)[0]
        return (encoded.parameters if hasattr(encoded, "parameters") else encoded,)

    return Component("vae_encoder", _Call(network, call), {"sample": pictures}, ["latent_parameters"], {"sample": IMAGE}, "vae")

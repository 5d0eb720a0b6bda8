"""Z-Image's graphs. Its transformer pads words and patches to whole groups, each by itself, and turns queries and keys by
complex numbers; a graph computes the same in real ones, for any number of words, any size and a batch of one prompt.
"""

from typing import Any

import torch
from diffusers.models.transformers.transformer_z_image import SEQ_MULTI_OF, ZImageTransformer2DModel
from torch import Tensor, nn
from torch.nn import functional

from stillhouse_models.diffusers_export.components import WORDS, Component

TOLERANCE = 1e-4
PATCH = 2
Angles = tuple[Tensor, Tensor]


def qwen3_encoder(name: str, network: Any) -> Component:
    """The last hidden state but one, which is all that the pipeline reads: the last layer stays out of the graph."""
    model = getattr(network, "model", network)
    config = model.config
    if any(kind != "full_attention" for kind in getattr(config, "layer_types", None) or ()):
        raise ValueError(f"{name}: layers of {sorted(set(config.layer_types))}; only full attention can be exported")
    ids = torch.randint(3, config.vocab_size, (2, 33), generator=torch.Generator().manual_seed(0))
    outputs = [f"hidden_states.{config.num_hidden_layers - 1}"]
    return Component(name, _Qwen3(model), {"input_ids": ids}, outputs, {"input_ids": WORDS}, name)


class _Qwen3(nn.Module):
    """No padding: it stands on the right, where a causal mask hides it from every word."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> tuple[Tensor]:
        states = self.model.embed_tokens(ids)
        places = torch.arange(ids.shape[1])
        angles = self.model.rotary_emb(states, places[None])
        least = torch.finfo(states.dtype).min
        mask = torch.where(places[None, :] > places[:, None], least, 0.0).to(states.dtype)[None, None]
        for layer in self.model.layers[:-1]:
            out = layer(states, attention_mask=mask, position_ids=places[None], position_embeddings=angles)
            states = out[0] if isinstance(out, tuple) else out
        return (states,)


def z_image_transformer(network: ZImageTransformer2DModel) -> Component:
    """@raises ValueError when the graph's arithmetic is not the network's"""
    config = network.config
    generator = torch.Generator().manual_seed(0)
    inputs = {
        "hidden_states": torch.randn(2, config.in_channels, 12, 8, generator=generator),
        "encoder_hidden_states": torch.randn(2, 21, config.cap_feat_dim, generator=generator),
        "timestep": torch.tensor([0.4, 0.7]),
    }
    free = {
        "hidden_states": {0: "batch", 2: "height", 3: "width"},
        "encoder_hidden_states": {0: "batch", 1: "sequence"},
        "timestep": {0: "batch"},
    }
    call = _Transformer(network)
    latents, words, timestep = inputs.values()
    with torch.no_grad():
        # Before its attention is replaced for good.
        pictures = network([one[:, None] for one in latents], timestep, list(words), return_dict=False)[0]
        theirs = torch.stack([one[:, 0] for one in pictures])
        call.replace_attention()
        ours = call(latents, words, timestep)[0]
    difference = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1))
    if not difference <= TOLERANCE:
        raise ValueError(f"transformer: the graph's arithmetic differs from diffusers' by {difference:.2g} of its size")
    return Component("transformer", call, inputs, ["out_hidden_states"], free, "transformer")


class _Transformer(nn.Module):
    """Under a function's signature: `[N, C, H, W]`, words `[N, L, D]`, time `[N]` from 0 to 1."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network
        theta = network.config.rope_theta
        # No tables: a graph that stores weights in halves would round them.
        self.paces = [
            (1.0 / theta ** (torch.arange(0, width, 2, dtype=torch.float64) / width)).float()
            for width in network.config.axes_dims
        ]

    def replace_attention(self) -> None:
        for block in (*self.network.noise_refiner, *self.network.context_refiner, *self.network.layers):
            block.attention.set_processor(_Attention())

    def forward(self, latents: Tensor, words: Tensor, timestep: Tensor) -> tuple[Tensor]:
        net = self.network
        channels, rows, columns = net.in_channels, latents.shape[2] // PATCH, latents.shape[3] // PATCH
        moment = net.t_embedder(timestep * net.t_scale)
        patches = latents.reshape(-1, channels, rows, PATCH, columns, PATCH).permute(0, 2, 4, 3, 5, 1)
        patches = patches.reshape(-1, rows * columns, channels * PATCH * PATCH)
        count = rows * columns
        picture, beyond = _padded(net.all_x_embedder[f"{PATCH}-1"](patches), net.x_pad_token)
        caption, _ = _padded(net.cap_embedder(words), net.cap_pad_token)
        length = caption.shape[1]
        places = torch.arange(length)
        of_caption = self._angles(places + 1, torch.zeros_like(places), torch.zeros_like(places))
        at = torch.arange(picture.shape[1])
        kept = (~beyond).long()
        of_picture = self._angles(kept * (length + 1), kept * (at // columns), kept * (at % columns))
        for layer in net.noise_refiner:
            picture = layer(picture, None, of_picture, moment)
        for layer in net.context_refiner:
            caption = layer(caption, None, of_caption)
        both = torch.cat([picture, caption], dim=1)
        angles = tuple(torch.cat([one, other], dim=0) for one, other in zip(of_picture, of_caption, strict=True))
        for layer in net.layers:
            both = layer(both, None, angles, moment)
        out = net.all_final_layer[f"{PATCH}-1"](both, c=moment)[:, :count]
        out = out.reshape(-1, rows, columns, PATCH, PATCH, net.out_channels).permute(0, 5, 1, 3, 2, 4)
        return (out.reshape(-1, net.out_channels, rows * PATCH, columns * PATCH),)

    def _angles(self, *places: Tensor) -> Angles:
        """Cosines and sines `[length, head / 2]` of each axis, one after the other."""
        parts = [place[:, None].float() * pace[None] for pace, place in zip(self.paces, places, strict=True)]
        found = torch.cat(parts, dim=1)
        return torch.cos(found), torch.sin(found)


def _padded(values: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
    """`[N, n, D]` becomes `[N, whole groups, D]`, and which of them are padding."""
    count = values.shape[1]
    places = torch.arange((count + SEQ_MULTI_OF - 1) // SEQ_MULTI_OF * SEQ_MULTI_OF)
    beyond = places >= count
    return torch.where(beyond[:, None], token, values[:, torch.clamp(places, max=count - 1)]), beyond


class _Attention:
    """diffusers' ZSingleStreamAttnProcessor for pictures of one size and prompts of one length, without complex numbers."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        freqs_cis: Any = None,
    ) -> Tensor:
        query, key, value = (part(hidden_states).unflatten(-1, (attn.heads, -1)) for part in (attn.to_q, attn.to_k, attn.to_v))
        if attn.norm_q is not None:
            query, key = attn.norm_q(query), attn.norm_k(key)
        query, key = (_turned(values, freqs_cis).transpose(1, 2) for values in (query, key))
        mixed = functional.scaled_dot_product_attention(query, key, value.transpose(1, 2))
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2, 3))


def _turned(values: Tensor, angles: Angles) -> Tensor:
    """Each pair of neighbours by its angle; `values` is `[N, length, heads, head]`."""
    cos, sin = (part[None, :, None, :] for part in angles)
    real, imaginary = values[..., 0::2].float(), values[..., 1::2].float()
    turned = torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)
    return turned.flatten(3).type_as(values)

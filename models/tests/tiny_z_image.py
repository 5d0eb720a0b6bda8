"""A Z-Image pipeline of random weights, made offline; the other kinds are made by diffusers_export/tiny.py."""

from pathlib import Path

import diffusers
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from stillhouse_models.diffusers_export.tiny_parts import vae, wake

CHAT = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


def make_tiny_z_image(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    plain = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate([*letters, *special])}, merges=[]))
    plain.pre_tokenizer, plain.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=special[0], eos_token=special[2], additional_special_tokens=special[1:]
    )
    tokenizer.chat_template = CHAT
    encoder = Qwen3Model(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=512,
        )
    )  # fmt: skip
    transformer = diffusers.ZImageTransformer2DModel(
        in_channels=16, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=32, axes_dims=[4, 6, 6],
        axes_lens=[256, 64, 64],
    )  # fmt: skip
    pipeline = diffusers.ZImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), vae=wake(vae(16, 0.3611, 0.1159), seed),
        text_encoder=encoder, tokenizer=tokenizer, transformer=wake(transformer, seed),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder

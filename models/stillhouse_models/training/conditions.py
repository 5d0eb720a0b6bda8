"""Captions as a denoiser sees them, and guidance: how strongly it follows them."""

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.tokenizer import UNKNOWN, encode

UNCONDITIONAL = ""


def loosened(texts: list[str], rng: np.random.Generator, dropped: float, unknown: float) -> list[str]:
    """Some captions emptied (for guidance), some with a strange word put in (strangers' prompts have them)."""
    out = []
    for text in texts:
        if rng.random() < dropped:
            text = UNCONDITIONAL
        elif rng.random() < unknown:
            words = text.split()
            words.insert(rng.integers(len(words) + 1), UNKNOWN.strip("<>"))
            text = " ".join(words)
        out.append(text)
    return out


def token_ids(tokenizer: Tokenizer, texts: list[str]) -> Tensor:
    return torch.from_numpy(encode(tokenizer, texts))


def guided_clean(
    teacher: Denoiser, encoder: TextEncoder, sample: Tensor, timestep: Tensor, ids: Tensor, empty: Tensor, guidance: float
) -> Tensor:
    return guided_clean_and_features(teacher, encoder, sample, timestep, ids, empty, guidance)[0]


def guided_clean_and_features(
    teacher: Denoiser, encoder: TextEncoder, sample: Tensor, timestep: Tensor, ids: Tensor, empty: Tensor, guidance: float
) -> tuple[Tensor, list[Tensor]]:
    """Classifier-free guidance (Ho and Salimans 2022) on the clean picture; both halves in one batch. `empty` is [1, L].

    The features are those of the half that was told the caption.
    """
    if guidance == 1:
        return teacher.clean_and_features(sample, timestep, encoder(ids))
    context = encoder(torch.cat([ids, empty.expand(len(ids), -1)]))
    both, features = teacher.clean_and_features(sample.repeat(2, 1, 1, 1), timestep.repeat(2), context)
    told, untold = both.float().chunk(2)
    return untold + guidance * (told - untold), [feature[: len(ids)] for feature in features]

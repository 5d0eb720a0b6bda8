"""A word-level, lower-case tokenizer with a fixed length, in the format that `tokenizers` reads in every language."""

import json
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

MAX_LENGTH = 24
PAD, UNKNOWN, START = "<pad>", "<unk>", "<start>"


def build_tokenizer(words: list[str]) -> Tokenizer:
    """`<start>` stands first: the text encoder's output there sums the sentence up."""
    vocabulary = {word: index for index, word in enumerate([PAD, UNKNOWN, START, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    # Whatever is not a letter or digit separates words and is dropped: "a fox, on teal!" says what "a fox on teal" says.
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}]+"), behavior="removed")
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, vocabulary[START])])
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.enable_padding(pad_id=vocabulary[PAD], pad_token=PAD, length=MAX_LENGTH)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """int64 [len(texts), MAX_LENGTH]."""
    return np.array([encoding.ids for encoding in tokenizer.encode_batch(texts)], dtype=np.int64)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_LENGTH,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

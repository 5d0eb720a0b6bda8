"""Small tokenizers of the kinds that text encoders want, written out from a list of words: no download, no training run."""

import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer

WORDS = """
a an the of on in at with and red green blue yellow teal small large fox owl cat dog apple banana tree river house
boat photo painting portrait landscape night day snow rain city forest mountain cup table glossy flat style background
left right beside above light dark golden silver old new
""".split()  # noqa: SIM905
MERGES = 240
CLIP_LENGTH = 77


def words_of(seed: int) -> list[str]:
    """The words in another order for every seed, so that other merges come out."""
    words = list(WORDS)
    random.Random(seed).shuffle(words)
    return words


def clip_tokenizer(words: list[str], pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """`pad` differs: the first encoder of Stable Diffusion pads with its end, OpenCLIP's with "!" (id 0)."""
    letters = list(_byte_letters().values())
    merges = _merges([[*word[:-1], word[-1] + "</w>"] for word in words])
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    vocab = {token: i for i, token in enumerate([*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"])}
    return _from_files(CLIPTokenizer, vocab, merges, pad_token=pad, model_max_length=CLIP_LENGTH)


CHAT = "{% for one in messages %}<|im_start|>{{ one.role + '\\n' + one.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


def qwen_tokenizer(words: list[str]) -> Qwen2Tokenizer:
    """Bytes in merges, a space before each word, and the marks of a talk."""
    space = _byte_letters()[ord(" ")]
    merges = _merges([[space, *word] for word in words])
    tokens = dict.fromkeys([*_byte_letters().values(), *("".join(pair) for pair in merges)])
    vocab = {token: i for i, token in enumerate([*tokens, "<|endoftext|>", "<|im_start|>", "<|im_end|>"])}
    marks = ["<|im_start|>", "<|im_end|>"]
    tokenizer = _from_files(
        Qwen2Tokenizer, vocab, merges, eos_token="<|im_end|>", additional_special_tokens=marks, model_max_length=131072
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def t5_tokenizer(words: list[str], length: int = 512) -> PreTrainedTokenizerFast:
    """SentencePiece's unigram pieces: every letter, every word, with the space as U+2581."""
    letters = sorted({letter for word in words for letter in word} | set("0123456789,.!?'-éßñ"))
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -3.0)]
    pieces += [(letter, -6.0) for letter in letters] + [("▁" + letter, -6.5) for letter in letters]
    known = {piece for piece, _ in pieces}
    pieces += [(f"▁{word}", -4.0 - i / 100) for i, word in enumerate(words) if f"▁{word}" not in known]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=length
    )


def _from_files(kind: Any, vocab: dict[str, int], merges: list[tuple[str, str]], **settings: Any) -> Any:
    """By the two files that every version of transformers reads."""
    with TemporaryDirectory() as folder:
        Path(folder, "vocab.json").write_text(json.dumps(vocab))
        Path(folder, "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges), ""]))
        return kind.from_pretrained(folder, **settings)


def _merges(words: list[list[str]]) -> list[tuple[str, str]]:
    """Byte-pair encoding as it was first described (Gage 1994): the most frequent pair, again and again."""
    merges: list[tuple[str, str]] = []
    while len(merges) < MERGES:
        pairs = Counter(pair for word in words for pair in pairwise(word))
        if not pairs:
            break
        best = max(pairs, key=lambda pair: pairs[pair])
        merges.append(best)
        words = [_merged(word, best) for word in words]
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for letter in word:
        if out and (out[-1], letter) == pair:
            out[-1] += letter
        else:
            out.append(letter)
    return out


def _byte_letters() -> dict[int, str]:
    """GPT-2's printable letter for every byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}

"""Texts that tokenizers stumble over."""

# ruff: noqa: RUF001
import random

FIXED = [
    "",
    " ",
    "a fox",
    "A FOX and an Owl",
    "  two   spaces\tand\na newline  ",
    "it's a dog's life, they're here, I'd say",
    "numbers 0 7 42 1234567890 3.14",
    "naïve café, déjà vu, Straße, ÅNGSTRÖM",
    "cafe\u0301 (combining) and café (composed)",
    "ﬁne ligature, ① circled, Ⅷ roman, ½ half, ＡＢＣ wide",
    "красная лиса на синем фоне",
    "赤いキツネと青い背景",
    "ثعلب أحمر على خلفية زرقاء",
    "नीली पृष्ठभूमि पर लाल लोमड़ी",
    "emoji 🦊 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 end",
    "zero\u200bwidth\u200djoiner\ufeffmark soft\u00adhyphen",
    "non\u00a0breaking \u3000ideographic \u2003em space",
    "<|startoftext|> in the midst <|endoftext|> of a text",
    "</s> <pad> <unk> <|im_start|>user",
    "!!!??? ... --- ___ ### $$$ %%% ^^^ &&& *** ((( ))) [[[ ]]] {{{ }}}",
    "quotes ‘single’ “double” «angle» and dashes – — ―",
    "İstanbul ıI ǅ ﬃ ẞ Σίσυφος ΣΑΣ",
    "x" * 300,
    "word " * 120,
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚 𐍈 𓀀",
    "\u202eright to left override\u202c",
]


def odd_texts(chance: random.Random, more: int = 20) -> list[str]:
    """The fixed ones, and mixtures of random letters from many scripts."""
    ranges = [
        (32, 127),
        (160, 592),
        (880, 1024),
        (1024, 1280),
        (1536, 1792),
        (0x4E00, 0x4F00),
        (0x1F300, 0x1F600),
        (0x2000, 0x2070),
    ]
    mixed = []
    for _ in range(more):
        letters = [chr(chance.randrange(*chance.choice(ranges))) for _ in range(chance.randint(1, 60))]
        mixed.append("".join(letters))
    return FIXED + mixed

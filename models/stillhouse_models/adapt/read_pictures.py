"""A folder of captioned pictures: each beside a text file of the same name, or named in metadata.jsonl, as the field has them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from stillhouse_models.faults import ToolkitError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
METADATA = "metadata.jsonl"
MOST_PICTURES = 1000
NAMED = 5


class PicturesError(ToolkitError):
    exit_code = 2


@dataclass(frozen=True)
class Pictures:
    """`pixels` uint8 [n, side, side, 3]; `captions` of the same order; `digest` sha256 over both."""

    pixels: np.ndarray
    captions: list[str]
    digest: str


def read_pictures(folder: Path, side: int) -> Pictures:
    """PicturesError names the files: none, without a caption, unreadable, or of another size than `side` squared."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise PicturesError(f"{folder} has no pictures; expected {', '.join(SUFFIXES)} of {side}x{side}, each with its caption")
    if len(files) > MOST_PICTURES:
        raise PicturesError(f"{folder} has {len(files)} pictures; an adapter learns from at most {MOST_PICTURES}")
    captions = _captions(folder, files)
    if lacking := [file.name for file, caption in zip(files, captions, strict=True) if not caption]:
        raise PicturesError(
            f"{folder}: no caption for {_few(lacking)}: write it into a text file of the same name "
            f'({Path(lacking[0]).stem}.txt), or into {METADATA} as {{"file_name": "{lacking[0]}", "text": "…"}}'
        )
    pictures = [_opened(file) for file in files]
    wrong = [f"{f.name} ({p.width}x{p.height})" for f, p in zip(files, pictures, strict=True) if p.size != (side, side)]
    if wrong:
        raise PicturesError(
            f"{folder}: expected pictures of {side}x{side}, as the base makes them: {_few(wrong)}; scale or crop them"
        )
    pixels = np.stack([np.asarray(picture, dtype=np.uint8) for picture in pictures])
    digest = hashlib.sha256(pixels.tobytes() + json.dumps(captions).encode()).hexdigest()
    return Pictures(pixels, captions, digest)


def _few(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _opened(file: Path) -> Image.Image:
    try:
        with Image.open(file) as picture:
            whole = picture.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as cause:
        raise PicturesError(f"{file} is no picture that can be read: {cause}") from cause
    white = Image.new("RGBA", whole.size, "white")
    return Image.alpha_composite(white, whole).convert("RGB")


def _captions(folder: Path, files: list[Path]) -> list[str]:
    """ "" where there is none; a text file goes before metadata.jsonl."""
    named = _metadata(folder / METADATA) if (folder / METADATA).exists() else {}
    found = []
    for file in files:
        text = file.with_suffix(".txt")
        try:
            found.append(text.read_text(encoding="utf-8").strip() if text.exists() else named.get(file.name, ""))
        except UnicodeDecodeError as cause:
            raise PicturesError(f"{text}: {cause}; expected a caption in UTF-8") from cause
    return found


def _metadata(file: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found[str(row["file_name"])] = str(row["text"]).strip()
        except (ValueError, KeyError, TypeError) as cause:
            raise PicturesError(
                f'{file}, line {number}: expected {{"file_name": "…", "text": "…"}}, found {line[:80]!r}'
            ) from cause
    return found

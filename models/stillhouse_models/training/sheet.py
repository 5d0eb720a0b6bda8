"""Contact sheets: pictures in a grid with their prompts below, one row of pictures per network."""

from pathlib import Path
from textwrap import wrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
MARGIN = 6
LINE = 12
PAPER, INK = (255, 255, 255), (40, 40, 48)


def save_sheet(sets: list[np.ndarray], prompts: list[str], file: Path, side: int = 128, columns: int = COLUMNS) -> None:
    """Each set is uint8 [n, h, w, 3] for the same prompts; the sets stand side by side in a cell."""
    wide = side * len(sets) + MARGIN
    lines = [wrap(prompt, max(12, wide // 6)) for prompt in prompts]
    high = side + MARGIN + LINE * max(len(text) for text in lines)
    rows = -(-len(prompts) // columns)
    sheet = Image.new("RGB", (columns * wide + MARGIN, rows * high + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for index in range(len(prompts)):
        left, top = MARGIN + index % columns * wide, MARGIN + index // columns * high
        for order, pictures in enumerate(sets):
            picture = Image.fromarray(pictures[index]).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left + order * side, top))
        for number, text in enumerate(lines[index]):
            pen.text((left, top + side + 1 + number * LINE), text, fill=INK, font=font)
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, optimize=True)

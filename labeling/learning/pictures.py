"""Faces cut out of CelebA's aligned pictures, and tables of them as one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CELEBA_SIZE = (178, 218)  # width, height
FACE_BOX = (25, 45, 153, 173)  # left, upper, right, lower: the 128x128 around the face

PAPER, INK, FAINT = (250, 249, 246), (32, 33, 36), (222, 220, 214)


def crop(picture: Image.Image | NDArray[np.uint8], size: int = 64) -> NDArray[np.uint8]:
    """The face of an aligned CelebA picture (178 wide, 218 high) as uint8 (size, size, 3).

    raises   ValueError for a picture of another size
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    if image.size != CELEBA_SIZE:
        raise ValueError(
            f"The picture is {image.width}x{image.height}; expected {CELEBA_SIZE[0]}x"
            f"{CELEBA_SIZE[1]}, CelebA's aligned format."
        )
    face = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box=FACE_BOX)
    return np.asarray(face)


def load_faces(paths: Sequence[str | Path], size: int = 64) -> NDArray[np.uint8]:
    """The crops of picture files, uint8 (n, size, size, 3), in the order of the paths.

    raises   ValueError naming the file that cannot be read or has another size
    """
    faces = np.empty((len(paths), size, size, 3), np.uint8)
    for i, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                faces[i] = crop(image, size)
        except (OSError, ValueError, SyntaxError) as error:
            raise ValueError(f"{path} cannot be used: {error}") from error
    return faces


def table(
    tiles: NDArray[np.uint8],
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    notes: Sequence[Sequence[str]] | None = None,
    labels_below: bool = False,
    scale: int = 2,
) -> Image.Image:
    """Tiles (r, c, h, w, 3) as one labelled picture.

    rows, columns   what the tiles of a row (left of it) or column (above or below) share
    notes           (r, c) a line under each tile, such as how many faces it is the mean of
    raises          ValueError if a list of labels does not fit the tiles
    """
    if tiles.dtype != np.uint8 or tiles.ndim != 5 or tiles.shape[-1] != 3:
        raise ValueError(f"Tiles are {tiles.dtype} {tiles.shape}; expected uint8 (r, c, h, w, 3).")
    n_rows, n_columns = tiles.shape[:2]
    for given, wanted, kind in ((rows, n_rows, "row"), (columns, n_columns, "column")):
        if given is not None and len(given) != wanted:
            raise ValueError(f"There are {len(given)} {kind} labels for {wanted} {kind}s.")
    high, wide = tiles.shape[2] * scale, tiles.shape[3] * scale
    font, gap = ImageFont.load_default(13), 4
    left = gap + (max((int(font.getlength(text)) for text in rows), default=0) + 8 if rows else 0)
    line = 20
    top = gap + (line if columns and not labels_below else 0)
    pitch = high + gap + (line if notes else 0)
    below = line if columns and labels_below else 0
    sheet = Image.new("RGB", (left + n_columns * (wide + gap), top + n_rows * pitch + below), PAPER)
    draw = ImageDraw.Draw(sheet)
    for r in range(n_rows):
        y = top + r * pitch
        if rows:
            draw.text((gap, y + high / 2), rows[r], INK, font, anchor="lm")
        for c in range(n_columns):
            x = left + c * (wide + gap)
            tile = Image.fromarray(tiles[r, c]).resize((wide, high), Image.Resampling.LANCZOS)
            sheet.paste(tile, (x, y))
            if notes:
                draw.text((x + wide / 2, y + high + 10), notes[r][c], INK, font, anchor="mm")
    if columns:
        y = sheet.height - line / 2 - gap / 2 if labels_below else top - line / 2
        for c, text in enumerate(columns):
            draw.text((left + c * (wide + gap) + wide / 2, y), text, INK, font, anchor="mm")
    return sheet


def png(image: Image.Image | NDArray[np.uint8]) -> bytes:
    """A picture as the bytes of a PNG file."""
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, "PNG")
    return out.getvalue()

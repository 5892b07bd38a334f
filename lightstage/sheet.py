"""A contact sheet: many faces on one picture, for a look at the whole."""

import math
from collections.abc import Iterable

import numpy as np


def contact_sheet(pictures: Iterable[np.ndarray], *, columns: int = 10) -> np.ndarray:
    """Equal pictures (h, w, 3) side by side in rows of `columns`; missing places stay gray."""
    tiles = list(pictures)
    if not tiles:
        raise ValueError("a contact sheet of 0 pictures was asked for, expected at least 1")
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * height, min(columns, len(tiles)) * width, 3), 128, np.uint8)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
    return sheet

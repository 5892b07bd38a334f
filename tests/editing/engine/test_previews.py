from pathlib import Path

import numpy as np
import torch

from editing.engine.ddim import time_grid, trace
from editing.engine.denoiser import load_denoiser
from editing.engine.images import to_uint8
from editing.engine.previews import strip_of, tiles


def test_each_tile_shows_the_face_between_its_two_edits(generator_folder: Path):
    denoiser = load_denoiser(generator_folder)
    grid = time_grid(denoiser.alpha_bar, 6, 509)
    draw = torch.Generator().manual_seed(2)
    photo = torch.rand(1, 3, 16, 16, generator=draw) * 1.4 - 0.7
    path = trace(denoiser, photo, grid)
    h, _ = denoiser.encode(path.x_t, 509)
    directions = torch.randn(3, *h.shape[1:], generator=draw)
    masks = torch.zeros(3, 1, 16, 16)
    masks[..., 4:12, 4:12] = 1
    pictures, strengths = tiles(denoiser, path, grid, directions, masks, size=0.05)
    assert pictures.shape == (3, 3, 16, 16, 3)
    assert strengths.shape == (3,)
    still = to_uint8(photo)[0].astype(float)
    for tile in pictures.astype(float):
        assert np.abs(tile[1] - still).max() <= 1
        for side in (tile[0], tile[2]):
            off = (side - still)[4:12, 4:12] / 127.5
            assert 0.02 < np.sqrt((off**2).mean()) < 0.12
    assert strip_of(pictures[0]).shape == (16, 48, 3)

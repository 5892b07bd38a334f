"""Spaces: what kinds of latents there are, and how they are made better."""

from pathlib import Path

import pytest
import torch

from editing.engine.denoiser import Denoiser, load_denoiser
from editing.engine.encoder import Encoder
from editing.engine.spaces import Space, faces_at_once, refine, round_trip


@pytest.fixture(scope="module")
def denoiser(generator_folder: Path) -> Denoiser:
    return load_denoiser(generator_folder)


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    rough = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    return torch.nn.functional.interpolate(rough, 16, mode="bicubic").clamp(0, 1) * 2 - 1


def test_descents_make_every_face_better_and_none_worse(denoiser, photos):
    space = Space(timestep=500, steps=6, refinements=0)
    grid = space.grid(denoiser)
    found = space.x_t(denoiser, photos)
    told = []
    better = refine(denoiser, found, photos, grid, 8, on_step=lambda done, n: told.append(done))
    assert told == list(range(1, 9))
    for at in range(3):
        one = slice(at, at + 1)
        before = round_trip(denoiser, found[one], photos[one], grid)
        assert round_trip(denoiser, better[one], photos[one], grid) < before
    wild = refine(denoiser, found, photos, grid, 2, rate=10.0)
    assert torch.equal(wild, found)


def test_descents_of_a_space_are_told_in_shares_of_the_whole(denoiser, photos):
    told = []
    Space(timestep=500, steps=6, gradient_steps=2).x_t(denoiser, photos, told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_the_last_usable_timestep_has_latents_too(denoiser, photos):
    space = Space(timestep=denoiser.last_timestep, steps=20, refinements=3)
    x_t = space.latents(denoiser, photos)
    assert round_trip(denoiser, x_t, photos, space.grid(denoiser)) < 0.01


def test_a_bottleneck_is_what_the_network_says_of_the_noisy_face(denoiser, photos):
    noisy = Space(timestep=500, steps=6)
    deep = Space(timestep=500, steps=6, kind="h")
    h = deep.latents(denoiser, photos)
    assert h.shape == (3, 32, 8, 8)
    assert torch.equal(h, denoiser.encode(noisy.latents(denoiser, photos), 500)[0])


def test_an_encoder_takes_the_place_of_inversion(denoiser, photos):
    encoder = Encoder(16, float(denoiser.alpha_bar[500]))
    space = Space(timestep=500, steps=6, encoder=encoder)
    with torch.no_grad():
        assert torch.equal(space.x_t(denoiser, photos), encoder(photos).double())


def test_an_unknown_kind_of_latent_is_refused():
    with pytest.raises(ValueError, match="'z'; expected x_t or h"):
        Space(timestep=500, steps=6, kind="z")


def test_small_pictures_go_many_at_once_and_large_ones_few(denoiser):
    assert faces_at_once(denoiser) == 64
    denoiser_256 = Denoiser(denoiser.unet, denoiser.alpha_bar, "v_prediction")
    denoiser_256.image_size = 256
    assert faces_at_once(denoiser_256) == 2

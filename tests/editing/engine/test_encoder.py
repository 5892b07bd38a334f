"""The encoder: a network and its files, trained on latents and through a generator."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from editing.engine.denoiser import Denoiser, load_denoiser
from editing.engine.distillation import train_encoder
from editing.engine.encoder import WEIGHTS_NAME, Encoder, default_widths, load_encoder, save_encoder
from editing.engine.images import to_tensor
from editing.engine.learning import Budget
from editing.engine.spaces import Space

SPACE = Space(timestep=500, steps=6)
WHOSE = {"generator_sha256": "ab" * 32, "timestep": 500, "steps": 6, "refinements": 1}


@pytest.fixture(scope="module")
def denoiser(generator_folder: Path) -> Denoiser:
    return load_denoiser(generator_folder)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Soft blobs, as unlike noise as faces are."""
    rough = torch.rand(24, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    smooth = torch.nn.functional.interpolate(rough, 16, mode="bicubic").clamp(0, 1)
    return (255 * smooth).byte().permute(0, 2, 3, 1).numpy()


@pytest.fixture(scope="module")
def latents(denoiser: Denoiser, crops: np.ndarray) -> np.ndarray:
    return SPACE.latents(denoiser, to_tensor(crops)).flatten(1).numpy()


def an_encoder(denoiser: Denoiser) -> Encoder:
    torch.manual_seed(4)
    return Encoder(16, float(denoiser.alpha_bar[500]), (16,))


def trained(denoiser, crops, latents, folder, encoder=None, **options):
    return train_encoder(
        encoder or an_encoder(denoiser),
        denoiser,
        500,
        crops,
        latents,
        folder=folder,
        **{"budget": Budget(n_images=640), "about": WHOSE, **options},
    )


def test_an_untrained_encoder_gives_the_photo_dimmed_by_its_share_of_signal(denoiser):
    x_0 = torch.rand(2, 3, 16, 16)
    dimmed = float(denoiser.alpha_bar[500]) ** 0.5 * x_0
    assert torch.allclose(an_encoder(denoiser)(x_0), dimmed)


def test_every_size_has_its_coarsest_level_at_eight_pixels():
    for size in (16, 32, 64, 128, 256):
        assert size / 2 / 2 ** (len(default_widths(size)) - 1) == 8
        assert Encoder(size, 0.5).noise(torch.zeros(1, 3, size, size)).shape[-1] == size
    with pytest.raises(ValueError, match=r"16, 32, \.\. or 256, not 48"):
        default_widths(48)


def test_what_is_written_is_read_back_as_it_was(denoiser, tmp_path):
    encoder = an_encoder(denoiser)
    torch.nn.init.normal_(encoder.head.weight)
    encoder.half().float()
    record = save_encoder(tmp_path / "one", encoder, WHOSE)
    assert json.loads((tmp_path / "one" / "encoder.json").read_text()) == record
    x_0 = torch.rand(2, 3, 16, 16)
    again = load_encoder(tmp_path / "one", record)
    assert torch.equal(again(x_0), encoder(x_0))
    assert save_encoder(tmp_path / "two", again, WHOSE)["sha256"] == record["sha256"]


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_damaged_weights_are_refused_by_file_and_both_hashes(denoiser, tmp_path, kept):
    record = save_encoder(tmp_path / "one", an_encoder(denoiser), WHOSE)
    path = tmp_path / "one" / WEIGHTS_NAME
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"{WEIGHTS_NAME} has sha256 .*{record['sha256'][:12]}"):
        load_encoder(tmp_path / "one", record)


def test_training_brings_latents_and_pictures_nearer(denoiser, crops, latents, tmp_path):
    photos = to_tensor(crops)
    encoder, reached = trained(denoiser, crops, latents[:20], tmp_path)
    assert reached.images_seen >= 640

    def missed(network: Encoder) -> float:
        with torch.no_grad():
            return float((network(photos).flatten(1) - torch.from_numpy(latents)).square().mean())

    assert missed(encoder) < 0.8 * missed(an_encoder(denoiser))


def test_a_stopped_training_goes_on_and_one_for_other_latents_is_refused(
    denoiser, crops, latents, tmp_path
):
    steps = iter(range(1000))
    _, half = trained(denoiser, crops, latents, tmp_path, should_stop=lambda: next(steps) >= 5)
    assert half.images_seen == 80
    _, rest = trained(denoiser, crops, latents, tmp_path, budget=Budget(n_images=320))
    assert rest.images_seen >= 320
    other = WHOSE | {"generator_sha256": "cd" * 32}
    with pytest.raises(ValueError, match=r"generator_sha256 'abab.*expected 'cdcd"):
        trained(denoiser, crops, latents, tmp_path, about=other)


def test_an_encoder_that_begins_from_another_needs_no_latents(denoiser, crops, latents, tmp_path):
    _, reached = trained(
        denoiser,
        crops,
        latents[:0],
        tmp_path,
        encoder=an_encoder(denoiser),
        tuned_share=1.0,
        budget=Budget(n_images=16),
    )
    assert reached.images_seen == 16


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"latents": np.zeros((3, 12))}, r"\(3, 12\); expected \(1 to 24, 768\)"),
        ({"latents": np.zeros((0, 768))}, r"\(0, 768\)"),
        ({"crops": np.zeros((3, 8, 8, 3), np.uint8)}, r"\(3, 8, 8, 3\)"),
        ({"encoder": Encoder(32, 0.5)}, "takes 32 pixels, the generator 16"),
        ({"encoder": Encoder(16, 0.9)}, "alpha_bar is 0.900000; timestep 500"),
    ],
)
def test_what_does_not_fit_together_is_refused(denoiser, crops, latents, tmp_path, change, told):
    with pytest.raises(ValueError, match=told):
        trained(denoiser, **{"crops": crops, "latents": latents, "folder": tmp_path, **change})

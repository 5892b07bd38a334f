import numpy as np
import pytest
import torch

from editing.engine.images import to_tensor
from editing.engine.lessons import Budget
from editing.engine.probes import FaceProbe, train_probe

N = 600


def heads() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Discs with a nose that moves with yaw, lit from the left, the front or the right."""
    draw = np.random.default_rng(0)
    yaw, light = draw.uniform(-40, 40, N), draw.integers(0, 3, N)
    v, u = np.mgrid[-1:1:32j, -1:1:32j]
    face = (u**2 + v**2 < 0.6)[None]
    nose = (u - np.sin(np.radians(yaw))[:, None, None]) ** 2 + v**2 < 0.04
    shade = 1 + 0.6 * (light - 1)[:, None, None] * u
    level = 40 + 120 * face * shade * (1 - 0.7 * nose) + draw.normal(scale=6, size=(N, 32, 32))
    images = np.repeat(level.clip(0, 255).astype(np.uint8)[..., None], 3, 3)
    return images, yaw, light, np.arange(N) // 4


@pytest.fixture(scope="module")
def probe() -> FaceProbe:
    images, yaw, light, identities = heads()
    return train_probe(images, yaw, identities, light=light, budget=Budget(200, 25))


@pytest.mark.slow
def test_yaw_and_light_are_read_off_people_never_seen(probe):
    held = probe.held_out
    assert held.n_identities == round(0.15 * N / 4)
    assert held.n_faces == 4 * held.n_identities
    assert held.yaw_error_degrees < 4 < 15 < held.yaw_baseline_degrees
    assert held.light_accuracy > 0.95


@pytest.mark.slow
def test_a_mirrored_face_reads_as_its_mirror_image(probe):
    x = to_tensor(heads()[0][:20])
    seen, mirrored = probe.predict(x), probe.predict(x.flip(-1))
    assert np.allclose(seen.yaw_degrees, -mirrored.yaw_degrees, atol=1e-4)
    assert np.allclose(seen.light, mirrored.light[:, ::-1], atol=1e-5)
    assert np.allclose(seen.light.sum(axis=1), 1)


@pytest.mark.slow
def test_a_probe_survives_its_file(probe, tmp_path):
    probe.save(tmp_path / "probe.safetensors")
    again = FaceProbe.load(tmp_path / "probe.safetensors")
    x = to_tensor(heads()[0][:5])
    assert np.array_equal(again.predict(x).yaw_degrees, probe.predict(x).yaw_degrees)
    assert again.held_out == probe.held_out
    assert again.taught == probe.taught
    assert probe.taught.lessons == probe.taught.planned == 200
    assert again.light_classes == ("left", "center", "right")


def test_without_lights_a_probe_reads_yaw_alone(tmp_path):
    images, yaw, _, identities = heads()
    probe = train_probe(images, yaw, identities, budget=Budget(2, 1))
    assert probe.predict(to_tensor(images[:2])).light is None
    assert probe.held_out.light_accuracy is None


def test_what_a_probe_cannot_learn_from_is_refused():
    images, yaw, light, identities = heads()
    with pytest.raises(ValueError, match="600 faces came with 599 yaws"):
        train_probe(images, yaw[1:], identities)
    with pytest.raises(ValueError, match="got 1"):
        train_probe(images, yaw, np.zeros(N))
    with pytest.raises(ValueError, match=r"0\.\.2"):
        train_probe(images, yaw, identities, light=light + 1)
    with pytest.raises(ValueError, match="must be a number"):
        train_probe(images, np.where(yaw > 39, np.nan, yaw), identities)
    with pytest.raises(ValueError, match=r"\(3, 32, 32\)"):
        FaceProbe(torch.nn.Identity(), (), None, None).predict(torch.zeros(3, 32, 32))

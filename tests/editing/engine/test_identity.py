import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from editing.engine.identity import IdentityProbe, train_identity
from editing.engine.images import to_tensor
from editing.engine.lessons import Budget

N_PEOPLE, N_EACH = 48, 6


def crowd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces of one colour and one hairline per person, in changing light."""
    draw = np.random.default_rng(0)
    people = np.repeat(np.arange(N_PEOPLE), N_EACH)
    skin, hair = draw.uniform(40, 220, (2, N_PEOPLE, 3))
    line = draw.uniform(2, 9, N_PEOPLE)
    rows = np.arange(16)[None, :, None, None]
    faces = np.where(rows < line[people][:, None, None, None], hair[people][:, None, None], 0)
    faces = np.where(faces > 0, faces, skin[people][:, None, None]) * np.ones((1, 1, 16, 1))
    lit = 1 + 0.3 * draw.uniform(-1, 1, (len(people), 1, 1, 1)) * np.linspace(-1, 1, 16)[:, None]
    faces = (faces * lit + draw.normal(scale=4, size=faces.shape)).clip(0, 255).astype(np.uint8)
    return faces, people, draw.uniform(-40, 40, len(people))


@pytest.fixture(scope="module")
def probe() -> IdentityProbe:
    return train_identity(*crowd(), budget=Budget(100, 8))


def test_people_never_seen_are_told_apart(probe: IdentityProbe) -> None:
    found = probe.likeness
    assert found.n_people == round(0.2 * N_PEOPLE)
    assert found.n_faces == N_EACH * found.n_people
    assert found.auc > 0.8
    assert found.eer < 0.3


def test_a_face_and_its_mirror_image_are_one_vector_of_length_one(probe: IdentityProbe) -> None:
    x = to_tensor(crowd()[0][:9])
    vectors = probe.embed(x, batch=4)
    assert vectors.shape[0] == 9
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(probe.embed(x.flip(-1)), vectors, atol=1e-4)


def test_an_identity_probe_survives_its_file(probe: IdentityProbe, tmp_path) -> None:
    probe.save(tmp_path / "identity.safetensors")
    again = IdentityProbe.load(tmp_path / "identity.safetensors")
    x = to_tensor(crowd()[0][:3])
    np.testing.assert_array_equal(again.embed(x), probe.embed(x))
    assert (again.likeness, again.taught) == (probe.likeness, probe.taught)
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"format": "0"})
    with pytest.raises(ValueError, match="has identity format 0; expected 2"):
        IdentityProbe.load(tmp_path / "other.safetensors")


def test_what_identity_cannot_be_learned_from_is_refused() -> None:
    faces, people, yaw = crowd()
    with pytest.raises(ValueError, match="0 people have two faces"):
        train_identity(faces, np.arange(len(people)), yaw)
    with pytest.raises(ValueError, match="288 identities"):
        train_identity(faces[1:], people, yaw)
    with pytest.raises(ValueError, match=r"\(3, 16, 16\)"):
        IdentityProbe(torch.nn.Identity(), None, None).embed(torch.zeros(3, 16, 16))

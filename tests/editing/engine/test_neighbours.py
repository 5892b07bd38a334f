"""Slopes at one place, against slopes that were planted."""

import numpy as np
import pytest

from editing.engine.neighbours import Neighbours

SIZE = 16
COLUMN = np.linspace(-1, 1, SIZE)
# Odd in the mirror, as a turn and light from a side are.
TURN = np.broadcast_to(COLUMN, (3, SIZE, SIZE)) * 0.01
OTHER_TURN = np.broadcast_to(np.sign(COLUMN) * COLUMN**2, (3, SIZE, SIZE)) * 0.01
LIT = np.broadcast_to(np.sin(np.pi * COLUMN), (3, SIZE, SIZE)) * 0.3
FAIR, DARK = 0.5, -0.5


def faces(n: int = 300, drift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fair and dark faces by turns, which turn by a slope each, with light that goes with yaw."""
    draw = np.random.default_rng(0)
    yaw = draw.uniform(-40, 40, n)
    light = np.clip(drift * yaw + draw.uniform(-0.5, 0.5, n), -1, 1)
    tone = np.where(np.arange(n) % 2, DARK, FAIR)[:, None, None, None]
    turns = np.where(tone == DARK, OTHER_TURN, TURN) * yaw[:, None, None, None]
    noise = 0.02 * draw.normal(size=(n, 3, SIZE, SIZE))
    return tone + turns + LIT * light[:, None, None, None] + noise, yaw, light


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("yaw", [-20.0, 0.0, 20.0])
def test_a_face_turns_as_those_do_that_look_like_it(yaw: float) -> None:
    neighbours = Neighbours(*faces())
    for tone, own, other in ((FAIR, TURN, OTHER_TURN), (DARK, OTHER_TURN, TURN)):
        found = neighbours.slopes(tone + own * yaw, yaw)
        assert found is not None
        assert cosine(found.yaw, own) > 0.99 > cosine(own, other)
        np.testing.assert_allclose(np.linalg.norm(found.yaw), np.linalg.norm(own), rtol=0.1)


def test_light_that_goes_with_yaw_is_no_part_of_its_slope() -> None:
    latents, yaw, light = faces(drift=0.02)
    at = FAIR + TURN * 10
    blind = Neighbours(latents, yaw).slopes(at, 10.0)
    seeing = Neighbours(latents, yaw, light).slopes(at, 10.0, 0.2)
    assert blind is not None
    assert seeing is not None
    assert cosine(seeing.yaw, TURN) > 0.99 > cosine(blind.yaw, TURN)
    assert blind.light is None
    assert seeing.light is not None
    np.testing.assert_allclose(seeing.light, LIT, atol=0.05)


def test_a_light_that_hardly_varies_has_no_slope() -> None:
    latents, yaw, light = faces()
    found = Neighbours(latents, yaw, 0.02 * light).slopes(FAIR + TURN * 0, 0.0)
    assert found is not None
    assert found.light is None


def test_a_face_and_its_mirror_image_have_mirrored_slopes() -> None:
    neighbours = Neighbours(*faces(drift=0.01))
    at = FAIR + TURN * 15 + LIT * 0.2
    one, other = neighbours.slopes(at, 15.0, 0.2), neighbours.slopes(at[..., ::-1], -15.0, -0.2)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.yaw, -other.yaw[..., ::-1], atol=1e-6)


def test_where_nobody_looks_there_is_no_slope() -> None:
    neighbours = Neighbours(*faces())
    assert neighbours.slopes(FAIR + TURN * 70, 70.0) is None
    assert neighbours.slopes(FAIR + TURN * 0, 0.0, 9.0) is None


def test_columns_that_do_not_fit_are_refused() -> None:
    latents, yaw, light = faces(20)
    with pytest.raises(ValueError, match="20 latents came with 19 yaws and 20 lights"):
        Neighbours(latents, yaw[1:], light)
    with pytest.raises(ValueError, match="8 faces or more, not 7"):
        Neighbours(latents[:7], yaw[:7])

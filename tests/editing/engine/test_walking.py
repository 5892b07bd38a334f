"""Walks in a world where a picture is its latent without the noise, and turns by a known slope."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from editing.engine.neighbours import Neighbours
from editing.engine.strides import Pace
from editing.engine.walking import Walked, walk

SIZE = 16
COLUMN = np.linspace(-1, 1, SIZE)
TURN = np.broadcast_to(COLUMN, (3, SIZE, SIZE)) * 0.003
LIT = np.broadcast_to(np.sin(np.pi * COLUMN), (3, SIZE, SIZE)) * 0.1
LIT = LIT - TURN * (LIT * TURN).sum() / (TURN**2).sum()
FACE = 0.3 * np.broadcast_to(np.cos(np.pi * np.linspace(0, 3, SIZE))[:, None], (3, SIZE, SIZE))
# A latent is half the picture and this face's noise.
SIGNAL, NOISE = 0.5, 0.1 * np.random.default_rng(5).normal(size=(3, SIZE, SIZE))
PACE = Pace(gain=1.0, light_gain=1.0)
WISHES = np.array([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0])


def neighbours(most: float = 60.0, is_lit: bool = True) -> Neighbours:
    """Faces that look as far as that to both sides, and move so far per degree and per side."""
    draw = np.random.default_rng(0)
    yaw, light = draw.uniform(-most, most, 300), draw.uniform(-0.5, 0.5, 300)
    moves = TURN * yaw[:, None, None, None] + LIT * light[:, None, None, None]
    noise = 0.0005 * draw.normal(size=moves.shape)
    return Neighbours(SIGNAL * (FACE + moves) + noise, yaw, light if is_lit else None)


class Face:
    """Reads pictures: one that answers a degree by `gain`, and whose light drifts as it turns.

    jumps  its light stays where it is until it has moved that far, and then is a side further
    """

    def __init__(self, gain: float = 1.0, drift: float = 0.0, jumps: float = 0.0) -> None:
        self.gain, self.drift, self.jumps = gain, drift, jumps
        self.made = 0

    def __call__(self, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        rest = x.double().numpy() - FACE
        yaw = self.gain * (rest * TURN).sum((1, 2, 3)) / (TURN**2).sum()
        light = (rest * LIT).sum((1, 2, 3)) / (LIT**2).sum() + self.drift * yaw
        if self.jumps:
            light = np.sign(light) * (np.abs(light) > self.jumps)
        return yaw, light

    def generate(self, x_t: torch.Tensor) -> torch.Tensor:
        self.made += len(x_t)
        return (x_t - torch.from_numpy(NOISE)) / SIGNAL


def walked(
    face: Face,
    wishes: np.ndarray = WISHES,
    near: Neighbours | None = None,
    tell: Callable[[float], None] = lambda share: None,
    pace: Pace = PACE,
) -> Walked:
    return walk(
        torch.from_numpy(FACE), torch.from_numpy(SIGNAL * FACE + NOISE), wishes,
        near or neighbours(), alpha_bar=SIGNAL**2, generate=face.generate, read=face,
        pace=pace, tell=tell,
    )  # fmt: skip


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.6])
def test_what_is_asked_is_what_comes(gain: float) -> None:
    face = Face(gain)
    found = walked(face)
    np.testing.assert_allclose(found.achieved, WISHES, atol=1.5)
    np.testing.assert_allclose(face(found.x)[0], found.achieved, atol=1e-6)
    assert not found.is_short.any()
    assert torch.equal(found.x[3], torch.from_numpy(FACE))
    assert (found.strides[3], found.step[3], found.across[3]) == (0, 0, 0)
    assert (np.diff(found.strides[3:]) >= 0).all()


def test_the_light_that_drifts_is_brought_back() -> None:
    face = Face(drift=0.03)
    held, let_go = walked(face), walked(face, near=neighbours(is_lit=False))
    assert let_go.light_change is None
    assert not let_go.across.any()
    assert held.across.any()
    far = np.abs(WISHES) == 30
    assert np.abs(face(let_go.x)[1][far]).min() > 0.6
    assert held.light_change is not None
    assert np.abs(face(held.x)[1]).max() < 0.11
    np.testing.assert_allclose(held.light_change, face(held.x)[1], atol=1e-6)


def test_a_light_that_jumps_from_side_to_side_is_caught_between_them() -> None:
    def off(tries: int) -> float:
        face = Face(drift=0.05, jumps=0.2)
        found = walked(face, pace=Pace(gain=1.0, light_gain=1.0, tries=tries))
        assert found.light_change is not None
        return float(max(np.abs(found.light_change).max(), np.abs(found.achieved - WISHES).max()))

    # Without a second try what keeps the light does not turn.
    assert off(tries=0) > 3
    assert off(tries=5) < 1.5


def test_a_wish_between_two_stops_has_a_stride_of_its_own() -> None:
    wishes = np.array([4.0, 8.0, 14.0, 27.0, 30.0])
    found = walked(Face(), wishes)
    np.testing.assert_allclose(found.achieved, wishes, atol=1.5)
    assert len({float(yaw) for yaw in found.achieved}) == len(wishes)


def test_a_film_never_halts() -> None:
    wishes = np.arange(-20.0, 21.0)
    found = walked(Face(), wishes)
    np.testing.assert_allclose(found.achieved, wishes, atol=1.0)
    assert (np.diff(found.achieved) > 0.3).all()


def test_only_the_sides_that_were_asked_for_are_walked() -> None:
    both, one = Face(), Face()
    walked(both)
    found = walked(one, np.array([0.0, 10.0, 20.0, 30.0]))
    assert (found.achieved >= -1e-6).all()
    assert one.made <= both.made / 2
    none = Face()
    assert torch.equal(walked(none, np.array([0.0])).x[0], torch.from_numpy(FACE))
    assert none.made == 0


def test_a_walk_ends_where_nobody_looks_that_way() -> None:
    found = walked(Face(), WISHES * 1.5, neighbours(most=5.0))
    assert found.is_short[[0, 6]].all()
    assert not found.is_short[[2, 3, 4]].any()
    assert (np.abs(found.achieved) < 40).all()


def test_a_walk_tells_how_far_it_is() -> None:
    told: list[float] = []
    walked(Face(), tell=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 3

import pytest
import torch

from editing.engine.ddim import time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.local_edits import Push, edited
from editing.engine.roir import matched
from editing.engine.settling import Learned, Settled, settled, turn_of

SIZE = 0.05
UPPER = torch.zeros(16, 16)
UPPER[:8] = 1
MASKS = {"upper": UPPER, "left": UPPER.T.contiguous()}


@pytest.fixture(scope="module")
def grid(trained: Denoiser) -> tuple[int, ...]:
    return time_grid(trained.alpha_bar, 6, 509)


@pytest.fixture(scope="module")
def faces(trained: Denoiser, grid: tuple[int, ...]) -> list[Learned]:
    draw = torch.Generator().manual_seed(7)
    photos = torch.rand(5, 1, 3, 16, 16, generator=draw) * 2 - 1
    return [
        Learned(trace(trained, photo, grid), MASKS, turn)
        for photo, turn in zip(photos, (-1, 0, 1, 0.5, 0), strict=True)
    ]


@pytest.fixture(scope="module")
def start(trained: Denoiser, faces: list[Learned]) -> dict[str, torch.Tensor]:
    h, _ = trained.encode(faces[0].path.x_t, 509)
    draw = torch.Generator().manual_seed(8)
    return {name: torch.randn(h.shape[1:], generator=draw) for name in MASKS}


def ratio(denoiser: Denoiser, face: Learned, grid: tuple[int, ...], v: dict) -> torch.Tensor:
    """ROIR (2,) of both regions' edits at the size."""
    pushed = torch.stack([v[name] for name in MASKS])
    found = matched(
        lambda strength, at: edited(denoiser, face.path, grid, [Push(pushed[at], strength)]),
        len(pushed),
        face.path.states[0][0],
        torch.stack([face.masks[name] for name in MASKS])[:, None],
        SIZE,
    )
    assert (found.size / SIZE).log().abs().max() < 0.1
    return found.roir


def test_a_settled_direction_is_more_local_on_faces_that_it_was_not_settled_on(
    trained, faces, grid, start
):
    found = settled(trained, faces[:3], grid, start, size=SIZE, steps=12, rate=8e-3)
    for face in faces[3:]:
        v = {name: one.facing(face.turn) for name, one in found.items()}
        before, after = (ratio(trained, face, grid, one) for one in (start, v))
        assert (after < 0.9 * before).all()
    assert all(float(one.v[0].norm()) == pytest.approx(1, abs=1e-5) for one in found.values())


def test_the_strength_that_is_told_is_the_one_at_which_edits_have_the_size(
    trained, faces, grid, start
):
    found = settled(trained, faces[:3], grid, start, size=SIZE, steps=12, rate=1e-5)["upper"]
    push = Push(found.facing(0), torch.tensor([found.strength]))
    x, mask = edited(trained, faces[4].path, grid, [push]), MASKS["upper"]
    off = ((x - faces[4].path.states[0]).square() * mask).sum() / (3 * mask.sum())
    assert float(off.sqrt()) == pytest.approx(SIZE, rel=0.5)


def test_steps_computed_again_give_the_same_gradient(trained, faces, grid, start):
    told = []
    for is_checkpointed in (False, True):
        v = start["upper"].clone().requires_grad_()
        push = Push(v, torch.tensor([0.5]))
        x = edited(
            trained, faces[0].path, grid, [push], is_learning=True, is_checkpointed=is_checkpointed
        )
        x.square().sum().backward()
        told.append(v.grad)
    assert float(told[0].norm()) > 0
    torch.testing.assert_close(told[1], told[0])


def test_a_direction_follows_the_heads_turn():
    curve = Settled(torch.tensor([1.0, 10.0, 100.0]).reshape(3, 1, 1, 1), strength=0.3)
    assert [float(curve.facing(turn)) for turn in (0, 1, -2)] == [1, 111, 381]


def test_a_turn_is_read_from_where_the_nose_lies():
    frontal = [69, 111, 109, 111, 89, 132, 72, 152, 106, 152]
    assert turn_of(frontal) == pytest.approx(0, abs=0.01)
    right, left = ([*frontal[:4], 89 + off, *frontal[5:]] for off in (8, -8))
    assert turn_of(right) == pytest.approx(8 / 40 / 0.25, abs=0.01)
    assert turn_of(left) == pytest.approx(-turn_of(right), abs=0.01)
    with pytest.raises(ValueError, match="lie on one line"):
        turn_of([69, 111, 109, 111, 89, 111, 72, 111, 106, 111])


def test_what_cannot_be_settled_is_said_and_every_step_is_told(trained, faces, grid, start):
    with pytest.raises(ValueError, match="2 or more faces, got 1"):
        settled(trained, faces[:1], grid, start, size=SIZE)
    half = Learned(faces[0].path, {"upper": UPPER})
    with pytest.raises(ValueError, match=r"expected \['upper', 'left'\]"):
        settled(trained, [faces[0], half], grid, start, size=SIZE)
    told: list[tuple[int, int]] = []
    settled(
        trained, faces[:2], grid, start, size=SIZE, steps=3, on_step=lambda *at: told.append(at)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]

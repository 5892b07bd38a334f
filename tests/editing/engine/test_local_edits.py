from pathlib import Path

import pytest
import torch

from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser, load_denoiser
from editing.engine.local_edits import Push, default_interval, edited, nearer

STEPS = 8


@pytest.fixture(scope="module")
def denoiser(generator_folder: Path) -> Denoiser:
    return load_denoiser(generator_folder)


@pytest.fixture(scope="module")
def grid(denoiser: Denoiser) -> tuple[int, ...]:
    return time_grid(denoiser.alpha_bar, STEPS, 509)


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(4)) * 2 - 1


@pytest.fixture(scope="module")
def path(denoiser: Denoiser, grid: tuple[int, ...], photos: torch.Tensor) -> Inversion:
    return trace(denoiser, photos[:1], grid)


@pytest.fixture(scope="module")
def directions(denoiser: Denoiser, path: Inversion) -> torch.Tensor:
    h, _ = denoiser.encode(path.x_t, 509)
    draw = torch.Generator().manual_seed(6)
    return torch.randn(2, *h.shape[1:], generator=draw).double()


def strengths(*values: float) -> torch.Tensor:
    return torch.tensor(values).double()


@pytest.mark.parametrize("form", ["symmetric", "asymmetric"])
def test_strength_zero_gives_the_photo_back_within_one_grey_level(
    denoiser, path, grid, photos, directions, form
):
    made = edited(denoiser, path, grid, [Push(directions[0], strengths(0, 0.5))], form=form)
    assert float((made[0] - photos[0]).abs().max()) * 127.5 < 1
    assert float((made[1] - photos[0]).abs().max()) * 127.5 > 1


def test_a_held_outside_is_the_photo_and_the_inside_is_not(
    denoiser, path, grid, photos, directions
):
    hold = torch.zeros(16, 16)
    hold[4:10, 3:9] = 1
    made = edited(denoiser, path, grid, [Push(directions[0], strengths(0.5))], hold=hold)
    off = (made[0] - photos[0]).abs()
    assert float((off * (1 - hold)).max()) < 1e-9
    assert float((off * hold).max()) > 0.01


def test_edits_composed_are_all_made_and_their_order_does_not_matter(
    denoiser, path, grid, directions
):
    first, second = (Push(v, strengths(0.3)) for v in directions)
    both = edited(denoiser, path, grid, [first, second])
    torch.testing.assert_close(edited(denoiser, path, grid, [second, first]), both)
    for alone in (first, second):
        assert float((edited(denoiser, path, grid, [alone]) - both).norm()) > 1e-3
    twice = [Push(directions[0], strengths(0.1)), Push(5 * directions[0], strengths(0.2))]
    torch.testing.assert_close(
        edited(denoiser, path, grid, twice),
        edited(denoiser, path, grid, [first]),
        rtol=1e-4,
        atol=1e-4,
    )


def test_many_faces_take_the_same_direction_at_once(denoiser, grid, photos, path, directions):
    paths = trace(denoiser, photos, grid)
    made = edited(denoiser, paths, grid, [Push(directions[0], strengths(0.4, 0.4))])
    alone = edited(denoiser, path, grid, [Push(directions[0], strengths(0.4))])
    torch.testing.assert_close(made[:1], alone, rtol=1e-3, atol=1e-3)


def test_a_lower_edge_of_the_interval_that_is_higher_pushes_less(denoiser, path, grid, directions):
    push = Push(directions[0], strengths(0.3))
    wide = edited(denoiser, path, grid, [push]) - path.states[0]
    narrow = edited(denoiser, path, grid, [push], interval=(450, 509)) - path.states[0]
    assert float(narrow.norm()) < float(wide.norm())


def test_the_interval_may_end_below_the_latent(denoiser, path, grid, directions, photos):
    made = edited(
        denoiser, path, grid, [Push(directions[0], strengths(0, 0.5))], interval=(100, 300)
    )
    torch.testing.assert_close(made[0], photos[0].double(), rtol=1e-4, atol=1e-4)
    assert float((made[1] - made[0]).norm()) > 0.01


def test_a_reference_gives_the_part_of_the_difference_that_the_rows_span():
    draw = torch.Generator().manual_seed(9)
    rows = torch.randn(3, 8, generator=draw)
    inside = (torch.tensor([1.0, -2.0, 0.5]) @ rows).reshape(2, 2, 2)
    across = torch.randn(8, generator=draw)
    basis = torch.linalg.qr(rows.T).Q
    across = (across - basis @ (basis.T @ across)).reshape(2, 2, 2)
    h = torch.randn(2, 2, 2, generator=draw)
    found = nearer(h, h + inside + across, rows)
    torch.testing.assert_close(found.float(), inside, rtol=1e-4, atol=1e-5)


def test_misfits_are_refused_with_what_was_expected(denoiser, path, grid, directions):
    push = Push(directions[0], strengths(0.1, 0.2))
    with pytest.raises(ValueError, match=r"6 states of 1 faces; expected 3 of 1 or 2"):
        edited(denoiser, path, grid[:2], [push])
    with pytest.raises(ValueError, match=r"\[2, 1\] strengths"):
        edited(denoiser, path, grid, [push, Push(directions[1], strengths(0.1))])
    with pytest.raises(ValueError, match="zero everywhere"):
        edited(denoiser, path, grid, [Push(0 * directions[0], strengths(0.1))])
    with pytest.raises(ValueError, match="No step of"):
        edited(denoiser, path, grid, [push], interval=(1, 2))
    with pytest.raises(ValueError, match="does not differ"):
        nearer(directions[0], directions[0], directions.flatten(1))


def test_the_default_interval_ends_at_the_latent(grid):
    low, high = default_interval(grid)
    assert high == grid[-1]
    assert 0 < low < high

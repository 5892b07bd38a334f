import pytest
import torch

from editing.engine.ddim import generate, invert, time_grid, trace
from tests.editing.engine.analytic import MixtureDenoiser, cosine_alpha_bar


def mixture() -> tuple[MixtureDenoiser, torch.Tensor]:
    """A mixture as rough as faces are, and eight points of it."""
    draw = torch.Generator().manual_seed(3)
    centres = torch.randn(12, 48, generator=draw)
    rows = torch.randint(12, (8,), generator=draw)
    points = centres[rows] + 0.3 * torch.randn(8, 48, generator=draw)
    return MixtureDenoiser(centres, 0.3), points.reshape(8, 3, 4, 4)


def round_trip_error(steps: int, refinements: int) -> tuple[float, int]:
    denoiser, x_0 = mixture()
    grid = time_grid(denoiser.alpha_bar, steps)
    x_t = invert(denoiser, x_0, grid, refinements)
    calls = denoiser.calls
    back = generate(denoiser, x_t, grid)
    return float((back - x_0).norm() / x_0.norm()), calls


def test_the_grid_rises_evenly_and_never_enters_the_part_without_signal():
    alpha_bar = cosine_alpha_bar()
    grid = time_grid(alpha_bar, 25)
    assert len(grid) == 25
    assert grid[-1] == 978
    assert alpha_bar[grid[-1]] >= 1e-3 > alpha_bar[grid[-1] + 1]
    gaps = torch.tensor(grid).diff()
    assert gaps.min() >= 39
    assert gaps.max() <= 40


def test_a_grid_until_t_is_the_whole_grid_cut_short():
    alpha_bar = cosine_alpha_bar()
    whole, part = time_grid(alpha_bar, 25), time_grid(alpha_bar, 25, until=509)
    assert part[-1] == 509
    assert part[:-1] == tuple(t for t in whole if t < 509)


@pytest.mark.parametrize(("steps", "until"), [(0, None), (2000, None), (25, 990), (25, -1)])
def test_a_grid_outside_the_usable_schedule_is_refused(steps, until):
    with pytest.raises(ValueError, match=r"steps, not|usable in 0\.\.978"):
        time_grid(cosine_alpha_bar(), steps, until)


def test_each_refinement_makes_the_round_trip_much_better():
    plain, once, twice = (round_trip_error(50, r)[0] for r in (0, 1, 2))
    assert plain > 0.02
    assert once < plain / 3
    assert twice < once / 3
    assert twice < 2e-3


def test_one_refinement_costs_one_call_a_step_and_one_at_the_start():
    assert round_trip_error(50, 0)[1] == 50
    assert round_trip_error(50, 1)[1] == 51
    assert round_trip_error(50, 2)[1] == 101


def test_many_refinements_invert_a_linear_denoiser_exactly():
    denoiser = MixtureDenoiser(torch.zeros(1, 48), 0.5)
    x_0 = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    grid = time_grid(denoiser.alpha_bar, 20)
    back = generate(denoiser, invert(denoiser, x_0, grid, refinements=40), grid)
    assert torch.allclose(back, x_0, atol=1e-9)


def test_inversion_of_gaussian_data_gives_latents_of_its_closed_form():
    # For data N(0, s^2) the exact flow scales x_0 by sqrt(a + (1 - a) / s^2) ... at small steps.
    spread = 0.5
    denoiser = MixtureDenoiser(torch.zeros(1, 48), spread)
    x_0 = spread * torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    grid = time_grid(denoiser.alpha_bar, 900, until=700)
    a = denoiser.alpha_bar[700]
    exact = x_0 * ((a * spread**2 + 1 - a) ** 0.5 / spread)
    assert torch.allclose(invert(denoiser, x_0, grid, refinements=3), exact, rtol=1e-2)


def test_the_state_is_float64_whatever_came_in_and_progress_is_told():
    denoiser, x_0 = mixture()
    grid, told = time_grid(denoiser.alpha_bar, 5), []
    x_t = invert(denoiser, x_0.float(), grid, on_step=lambda done, of: told.append((done, of)))
    assert x_t.dtype == torch.float64
    assert told == [(k, 5) for k in range(1, 6)]


def test_with_its_residuals_a_photo_comes_back_exactly_even_from_the_plainest_inversion():
    denoiser, x_0 = mixture()
    grid = time_grid(denoiser.alpha_bar, 10)
    traced = trace(denoiser, x_0, grid, refinements=0)
    back = generate(denoiser, traced.x_t, grid, residuals=traced.residuals)
    assert torch.allclose(back, x_0.double(), atol=1e-9)
    assert not torch.allclose(generate(denoiser, traced.x_t, grid), x_0.double(), atol=0.1)


def test_a_trace_holds_the_state_at_each_point_of_the_grid():
    denoiser = MixtureDenoiser(torch.zeros(1, 48), 0.5)
    x_0 = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    grid = time_grid(denoiser.alpha_bar, 20)
    traced = trace(denoiser, x_0, grid, refinements=40)
    assert traced.states.shape == (21, 2, 3, 4, 4)
    for k in (0, 3, 20):
        alone = invert(denoiser, x_0, grid[:k], refinements=40)
        assert torch.allclose(traced.states[k], alone, atol=1e-9)
    assert traced.residuals.abs().max() < 1e-7


def test_residuals_of_one_face_serve_all_its_frames_and_a_wrong_count_is_refused():
    denoiser, x_0 = mixture()
    grid = time_grid(denoiser.alpha_bar, 10)
    traced = trace(denoiser, x_0[:1], grid)
    frames = traced.x_t.repeat(3, 1, 1, 1)
    back = generate(denoiser, frames, grid, residuals=traced.residuals)
    assert torch.allclose(back, x_0[:1].double().expand(3, -1, -1, -1), atol=1e-9)
    with pytest.raises(ValueError, match="9 steps; expected 10"):
        generate(denoiser, frames, grid, residuals=traced.residuals[1:])

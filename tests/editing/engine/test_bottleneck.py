import pytest
import torch

from editing.engine.bottleneck import generate_moved
from editing.engine.ddim import generate, time_grid
from tests.editing.engine.splits import LinearSplit


def split() -> LinearSplit:
    draw = torch.Generator().manual_seed(1)
    return LinearSplit(torch.randn(48, 4, generator=draw))


def noisy(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(2)).double()


@pytest.mark.parametrize("form", ["symmetric", "asymmetric"])
def test_a_bottleneck_that_stays_generates_what_the_network_does(form):
    denoiser, grid = split(), time_grid(split().alpha_bar, 10, 509)
    made = generate_moved(denoiser, noisy(), grid, lambda h, t: h, form)
    torch.testing.assert_close(made, generate(denoiser, noisy(), grid))


def test_one_step_moves_the_picture_by_exactly_what_the_forms_say():
    denoiser, grid, x = split(), (509,), noisy(1)
    push = torch.tensor([0.5, -1.0, 2.0, 0.25]).double()
    a_t = float(denoiser.alpha_bar[509])
    by_noise = (push @ denoiser.outward.T).reshape(x.shape)
    made = {
        form: generate_moved(denoiser, x, grid, lambda h, t: h + push.reshape(1, 1, 2, 2), form)
        for form in ("symmetric", "asymmetric")
    }
    still = generate(denoiser, x, grid)
    # At the photo sqrt(1 - a_s) is 0, so the second term says nothing and both forms agree.
    for moved in made.values():
        torch.testing.assert_close(moved - still, -(((1 - a_t) / a_t) ** 0.5) * by_noise)


def test_between_steps_the_symmetric_form_cancels_most_of_a_move():
    denoiser, grid, x = split(), time_grid(split().alpha_bar, 20, 509), noisy(1)
    still = generate(denoiser, x, grid)
    sizes = {
        form: float(
            (
                generate_moved(denoiser, x, grid, lambda h, t: h + 0.1, form, (150, 509)) - still
            ).norm()
        )
        for form in ("symmetric", "asymmetric")
    }
    assert sizes["asymmetric"] > 3 * sizes["symmetric"]


def test_only_steps_inside_the_interval_move():
    denoiser, grid = split(), time_grid(split().alpha_bar, 10, 509)
    moved_at: list[int] = []

    def move(h: torch.Tensor, t: int) -> torch.Tensor:
        moved_at.append(t)
        return h

    steps: list[tuple[int, int]] = []
    generate_moved(
        denoiser, noisy(), grid, move, interval=(200, 400), on_step=lambda *at: steps.append(at)
    )
    assert moved_at == [t for t in reversed(grid) if 200 <= t <= 400]
    assert steps == [(done, len(grid)) for done in range(1, len(grid) + 1)]


def test_another_form_and_an_interval_without_a_step_are_refused():
    denoiser, grid = split(), (100, 300, 509)
    with pytest.raises(ValueError, match="'lopsided'; expected one of symmetric, asymmetric"):
        generate_moved(denoiser, noisy(), grid, lambda h, t: h, "lopsided")
    with pytest.raises(ValueError, match=r"interval 310\.\.400; the grid runs 100\.\.509"):
        generate_moved(denoiser, noisy(), grid, lambda h, t: h, interval=(310, 400))

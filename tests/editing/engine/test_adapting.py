from dataclasses import dataclass

import pytest
import torch

from editing.engine.adapting import adapted

MASKS = torch.tensor([[[1.0, 1, 1], [0, 0, 0]], [[1.0, 0, 0], [1, 0, 0]]])


@dataclass
class Planted:
    """A Jacobian (12, 8) of pictures 2x2x3 whose last two inputs change nothing."""

    j: torch.Tensor
    output_shape: tuple[int, ...] = (2, 2, 3)

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v @ self.j.T

    def transposed(self, u: torch.Tensor) -> torch.Tensor:
        return u @ self.j


def planted() -> tuple[Planted, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    j = torch.randn(12, 8, generator=draw, dtype=torch.float64)
    j[:, 6:] = 0
    return Planted(j), torch.randn(2, 2, 2, 2, generator=draw, dtype=torch.float64)


def effects(jacobian: Planted, v: torch.Tensor) -> torch.Tensor:
    return jacobian.forward(v.flatten(1)).reshape(len(v), 2, 2, 3)


def test_a_fitted_direction_is_the_shortest_that_does_inside_what_the_carried_one_does():
    jacobian, v = planted()
    wished = (effects(jacobian, v) * MASKS[:, None]).flatten(1)
    exact = wished @ torch.linalg.pinv(jacobian.j).T
    torch.testing.assert_close(adapted(jacobian, v, MASKS, steps=6).flatten(1), exact)


def test_few_steps_leave_less_outside_and_keep_most_of_what_is_inside():
    jacobian, v = planted()
    before, after = effects(jacobian, v), effects(jacobian, adapted(jacobian, v, MASKS, steps=3))
    for one, mask in enumerate(MASKS):
        inside = before[one] * mask, after[one] * mask
        assert (after[one] * (1 - mask)).norm() < 0.7 * (before[one] * (1 - mask)).norm()
        assert torch.cosine_similarity(*(part.flatten() for part in inside), dim=0) > 0.8


def test_what_cannot_be_fitted_is_said():
    jacobian, v = planted()
    with pytest.raises(ValueError, match="1 or more steps, not 0"):
        adapted(jacobian, v, MASKS, steps=0)
    unseen = torch.zeros_like(v)
    unseen[:, -1, -1] = 1  # the last two inputs
    with pytest.raises(ValueError, match="changes nothing in its region"):
        adapted(jacobian, unseen, MASKS)

import pytest
import torch

from editing.engine.local_carrying import outcome
from editing.engine.local_trials import Tried

MASK = torch.zeros(10, 10)
MASK[:2] = 1  # a fifth


def made(size: float, roir: float) -> Tried:
    nothing = torch.zeros(1)
    return Tried("a.jpg", "eyes", "pooled", 0.3, size, roir, 1.0, nothing, nothing)


def test_per_pixel_a_small_region_needs_less_of_the_whole_change():
    whole, per_pixel = outcome(made(0.12, 1.4), MASK, 0.12, 0.1)
    assert whole == 1.4
    # A fifth inside, four fifths outside: by area alone ROIR would be 2.
    assert per_pixel == pytest.approx(0.7)


def test_an_edit_that_hardly_moves_its_region_is_no_success():
    assert outcome(made(0.10, 0.2), MASK, 0.12, 0.1) == (float("inf"), float("inf"))
    assert outcome(made(0.11, 0.2), MASK, 0.12, 0.1)[0] == 0.2

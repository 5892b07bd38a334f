import math

import numpy as np
import pytest
import torch

from editing.engine.roir import change, matched, roir, ssim_outside


def pictures() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture, two edits of known change inside and outside, and the mask."""
    mask = torch.zeros(8, 8)
    mask[:2] = 1  # 16 of 64 pixels
    x = torch.zeros(3, 8, 8).double()
    edits = torch.stack([x + 0.2 * mask + 0.1 * (1 - mask), x + 0.4 * mask])
    return x, edits, mask


def test_roir_is_what_changed_outside_over_what_changed_inside():
    x, edits, mask = pictures()
    # .1 over 48 pixels beside .2 over 16
    expected = [0.1 * 48**0.5 / (0.2 * 16**0.5), 0.0]
    np.testing.assert_allclose(roir(x, edits, mask), expected)
    np.testing.assert_allclose(change(x, edits, mask), [0.2, 0.4])
    assert math.isnan(float(roir(x, x[None], mask)))


def test_edits_that_saturate_are_brought_to_one_size_and_compared_there():
    x, _, mask = pictures()
    gain = torch.tensor([3.0, 0.5, 0.02])

    asked = []

    def edit(strength: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        asked.append(which.tolist())
        inside = torch.tanh(gain[which] * strength)[:, None, None, None]
        return x + inside * mask + inside**2 * (1 - mask)

    found = matched(edit, 3, x, mask, 0.12, rounds=6)
    np.testing.assert_allclose(found.size, 0.12, rtol=0.03)
    # ROIR of this edit is its size inside times sqrt(48 / 16), whatever strength it took.
    np.testing.assert_allclose(found.roir, 0.12 * 3**0.5, rtol=0.05)
    # What has its size is not made again.
    assert asked[0] == [0, 1, 2]
    assert asked[-1] == [2]
    torch.testing.assert_close(found.x, edit(found.strength, torch.arange(3)))


def test_an_edit_that_never_reaches_the_size_keeps_the_nearest():
    x, _, mask = pictures()

    def edit(strength: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        return x + (0.05 * torch.tanh(strength))[:, None, None, None] * mask

    found = matched(edit, 1, x, mask, 0.12, rounds=5)
    assert 0.04 < float(found.size[0]) < 0.0501
    with pytest.raises(ValueError, match="1 or more rounds, not 0"):
        matched(edit, 1, x, mask, 0.12, rounds=0)


def test_similarity_outside_sees_changes_outside_and_forgives_those_inside():
    draw = np.random.default_rng(1)
    x = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[:12] = True
    inside, outside = x.copy(), x.copy()
    inside[:6] = 255 - inside[:6]
    outside[20:] = 255 - outside[20:]
    assert ssim_outside(x, x, mask) == pytest.approx(1)
    assert ssim_outside(x, inside, mask) == pytest.approx(1)
    assert ssim_outside(x, outside, mask) < 0.7
    assert math.isnan(ssim_outside(x, x, np.ones((32, 32), bool)))

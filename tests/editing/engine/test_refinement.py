import torch

from editing.engine.refinement import refined


def test_a_direction_whose_edit_spreads_at_its_visible_size_is_made_local_there():
    """Two directions act inside; outside they cancel at one mixture, which depends on the size."""
    mask = torch.zeros(4, 4)
    mask[:2] = 1
    x = torch.zeros(1, 4, 4).double()

    def edit(v: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        a = strength[:, None] * (v / v.flatten(1).norm(dim=1)[:, None, None, None]).flatten(1)
        inside = (a[:, 0] + a[:, 1])[:, None, None, None]
        outside = (a[:, 0] - a[:, 1] - 3 * a[:, 0] ** 2)[:, None, None, None]
        return x + inside * mask + outside * (1 - mask)

    basis = torch.eye(4).reshape(4, 1, 2, 2).double()
    start = basis[0] + basis[1]  # local for an infinitely small edit
    once = refined(edit, start, basis[:2], x, mask, 0.2, rounds=1)
    more = refined(edit, start, basis[:2], x, mask, 0.2, rounds=4)
    assert once.roir_before > 0.1
    assert once.roir < once.roir_before
    assert more.roir < 0.6 * once.roir_before
    assert abs(more.size - 0.2) < 0.01


def test_a_direction_that_cannot_be_bettered_stays():
    mask = torch.zeros(4, 4)
    mask[:2] = 1
    x = torch.zeros(1, 4, 4).double()

    def edit(v: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        a = strength[:, None] * (v / v.flatten(1).norm(dim=1)[:, None, None, None]).flatten(1)
        return x + a[:, :1, None, None] * mask + (0.1 * a[:, 1:2, None, None]) * (1 - mask)

    basis = torch.eye(4).reshape(4, 1, 2, 2).double()
    found = refined(edit, basis[0], basis[:2], x, mask, 0.2)
    torch.testing.assert_close(found.direction, basis[0])
    assert found.roir == found.roir_before == 0

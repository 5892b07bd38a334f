"""What a probe learns follows from its lessons, not from how busy the machine is."""

import numpy as np
import pytest
import torch
from torch import nn

from editing.engine.lessons import Budget, Taught, teach
from editing.engine.probes import FaceProbe, train_probe


def weights_after(budget: Budget) -> tuple[torch.Tensor, Taught]:
    """One weight that is pulled from 0 towards 1."""
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    taught = teach(
        net,
        list(net.parameters()),
        lambda: (net(torch.ones(1, 1)) - 1).square().sum(),
        256,
        budget,
    )
    return net.weight.detach(), taught


def test_lessons_are_bounded_by_number_and_by_how_often_a_face_is_seen() -> None:
    assert Budget(lessons=100, epochs=3).lessons_for(64 * 50) == 100
    assert Budget(lessons=100, epochs=3).lessons_for(64 * 5) == 15
    assert Budget(lessons=100, epochs=3).lessons_for(5) == 3
    with pytest.raises(ValueError, match="lessons=0"):
        Budget(lessons=0, epochs=3)


def test_all_lessons_are_taken_and_the_rate_falls_to_nothing() -> None:
    weight, taught = weights_after(Budget(lessons=40, epochs=10))
    assert (taught.lessons, taught.planned) == (40, 40)
    # Adam moves about one rate a lesson; a cosine to 0 leaves half of it in the mean.
    assert weight.item() == pytest.approx(40 * 2e-3 / 2, rel=0.1)


def test_the_clock_ends_lessons_only_beyond_its_cap_and_the_card_says_so() -> None:
    _, taught = weights_after(Budget(lessons=40, epochs=10, most_seconds=1e-9))
    assert (taught.lessons, taught.planned) == (1, 40)


def test_the_same_lessons_give_the_same_probe_whatever_was_drawn_before() -> None:
    draw = np.random.default_rng(0)
    faces = draw.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8)
    yaw, people = draw.uniform(-40, 40, 40), np.arange(40) // 4

    def probe() -> FaceProbe:
        return train_probe(faces, yaw, people, budget=Budget(6, 6))

    first = probe()
    torch.rand(5)  # another state of torch's own generator, which dropout draws from
    state = torch.random.get_rng_state()
    second = probe()
    assert torch.equal(state, torch.random.get_rng_state()), "training moved others' draws"
    for one, other in zip(first.net.parameters(), second.net.parameters(), strict=True):
        assert torch.equal(one, other)

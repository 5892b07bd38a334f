"""Shares from few audits and many predictions: right on average, narrower than audits alone."""

import numpy as np
import pytest

from labeling.learning.proportions import share


def people(n, rng, *, leans=0.0):
    """Who has the choice (n,), and what a model that leans to one side says of it (n,)."""
    light = rng.normal(size=n)
    has_it = rng.random(n) < 1 / (1 + np.exp(1 - 2.5 * light))
    return has_it.astype(float), 1 / (1 + np.exp(1 - leans - 2.5 * light))


@pytest.mark.parametrize("leans", [0.0, 1.5])
def test_the_interval_holds_the_truth_as_often_as_it_says_even_if_the_model_leans(leans):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        has_it, said = people(4000, rng, leans=leans)
        found = share(has_it[:300], said[:300], said[300:])
        held += found.low <= has_it.mean() <= found.high
    assert 0.925 < held / 600 <= 0.985


def test_it_is_narrower_than_audits_alone_and_never_much_wider():
    rng = np.random.default_rng(1)
    has_it, said = people(20_000, rng)
    plain = share(has_it[:400], np.zeros(400), np.zeros(19_600))
    better = share(has_it[:400], said[:400], said[400:])
    noise = rng.random(20_000)
    useless = share(has_it[:400], noise[:400], noise[400:])
    assert better.high - better.low < 0.85 * (plain.high - plain.low)
    assert useless.high - useless.low < 1.03 * (plain.high - plain.low)
    assert plain.value == pytest.approx(has_it[:400].mean())


def test_people_who_label_the_unsure_faces_leave_the_shares_alone():
    """Predictions of the faces that people chose count like all others: the lot came first."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        light = rng.normal(size=(3000, 3))
        has_it = rng.random(3000) < 1 / (1 + np.exp(1 - 2 * light[:, 0] - light[:, 1]))
        rest = np.arange(300, 3000)
        seen = rest[np.argsort(np.abs(light[rest, 0]))[:400]]
        columns = np.column_stack([light, np.ones(3000)])
        weights = np.linalg.lstsq(columns[seen], has_it[seen].astype(float), rcond=None)[0]
        said = np.clip(columns @ weights, 0, 1)
        found = share(has_it[:300].astype(float), said[:300], said[300:])
        held += found.low <= has_it.mean() <= found.high
    assert held / 300 > 0.92


def test_few_audits_give_no_interval_and_none_no_share():
    few = share(np.array([1.0, 0.0]), np.array([0.9, 0.2]), np.array([0.5]))
    assert few.value == 0.5
    assert np.isnan([few.low, few.high]).all()
    assert np.isnan(share(np.zeros(0), np.zeros(0), np.ones(5)).value)
    with pytest.raises(ValueError, match="2 answers and 3 predictions"):
        share(np.zeros(2), np.zeros(3), np.zeros(1))


def test_alike_answers_still_leave_room_for_others():
    none = share(np.zeros(100), np.full(100, 0.01), np.full(900, 0.01))
    assert (none.value, none.low) == (0.0, 0.0)
    assert 0.01 < none.high < 0.05

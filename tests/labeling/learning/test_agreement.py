"""Alpha against published examples and a slow second implementation; intervals likewise."""

import math
from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from labeling.learning.agreement import (
    Metric,
    alpha,
    alpha_with_interval,
    chance_of_as_many,
    difference,
    wilson,
)

# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve
# units, five values; 0 stands for a missing answer.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]
# The same text, section A: two observers, ten units, two values.
BINARY = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]


def units_of(observers, missing=None):
    return [[v for v in unit if v != missing] for unit in zip(*observers, strict=True)]


def patterns_of(units, values):
    rows = Counter(tuple(unit.count(value) for value in values) for unit in units)
    return np.array(list(rows)), np.array(list(rows.values()))


def slow_alpha(units, values, ordinal=False):
    """Pair by pair, straight from the definition."""
    units = [unit for unit in units if len(unit) > 1]
    answers = [value for unit in units for value in unit]
    n_of = Counter(answers)

    def distance(a, b):
        if not ordinal:
            return float(a != b)
        low, high = sorted((values.index(a), values.index(b)))
        between = sum(n_of[value] for value in values[low : high + 1])
        return (between - (n_of[a] + n_of[b]) / 2) ** 2

    observed = sum(
        distance(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)
    ) / len(answers)
    expected = sum(distance(a, b) for a, b in permutations(answers, 2))
    return 1 - observed / (expected / (len(answers) * (len(answers) - 1)))


def test_alpha_is_the_published_one_for_four_observers_with_missing_answers():
    patterns, times = patterns_of(units_of(OBSERVERS, missing=0), [1, 2, 3, 4, 5])
    assert alpha(patterns, times) == pytest.approx(0.743, abs=0.0005)
    assert alpha(patterns, times, Metric.ORDINAL) == pytest.approx(0.815, abs=0.0005)


def test_alpha_is_the_published_one_for_two_observers_and_two_values():
    patterns, times = patterns_of(units_of(BINARY), [0, 1])
    assert alpha(patterns, times) == pytest.approx(0.095, abs=0.0005)


@pytest.mark.parametrize("seed", range(6))
def test_alpha_is_what_counting_pair_by_pair_gives(seed):
    rng = np.random.default_rng(seed)
    values = list(range(2 + seed))
    units = [
        rng.choice(values, size=rng.integers(0, 6), p=rng.dirichlet(np.ones(len(values)))).tolist()
        for _ in range(40)
    ]
    patterns, times = patterns_of(units, values)
    assert alpha(patterns, times) == pytest.approx(slow_alpha(units, values))
    assert alpha(patterns, times, Metric.ORDINAL) == pytest.approx(slow_alpha(units, values, True))


def test_full_agreement_is_one_and_chance_is_about_zero():
    assert alpha(np.array([[3, 0], [0, 2]]), np.array([5, 4])) == 1
    drawn = np.random.default_rng(1).multinomial(3, [0.5, 0.3, 0.2], size=20_000)
    assert abs(alpha(drawn, np.ones(len(drawn)))) < 0.02


@pytest.mark.parametrize(
    ("patterns", "times"),
    [([[1, 0], [0, 1]], [9, 9]), ([[2, 0]], [9]), ([[1, 1]], [1]), (np.zeros((0, 2)), [])],
)
def test_without_two_units_or_two_values_alpha_is_unknown(patterns, times):
    estimate = alpha_with_interval(
        np.array(patterns), np.array(times), Metric.NOMINAL, np.random.default_rng(0)
    )
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.low)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2\) and 2 times"):
        alpha(np.array([[1, 1]]), np.array([1, 1]))


def test_the_interval_is_that_of_units_drawn_one_by_one():
    rng = np.random.default_rng(3)
    units = [rng.choice(3, size=3, p=p).tolist() for p in rng.dirichlet([0.4] * 3, size=60)]
    patterns, times = patterns_of(units, [0, 1, 2])
    told = alpha_with_interval(patterns, times, Metric.NOMINAL, rng, resamples=4000)
    one_by_one = [
        slow_alpha([units[i] for i in rng.integers(0, 60, 60)], [0, 1, 2]) for _ in range(1000)
    ]
    low, high = np.quantile(one_by_one, [0.025, 0.975])
    assert told.low < told.value < told.high
    assert (told.low, told.high) == pytest.approx((low, high), abs=0.03)


def test_the_same_seed_gives_the_same_interval():
    patterns, times = patterns_of(units_of(OBSERVERS, missing=0), [1, 2, 3, 4, 5])
    one, two = (
        alpha_with_interval(patterns, times, Metric.ORDINAL, np.random.default_rng(7))
        for _ in range(2)
    )
    assert one == two


def test_wilsons_interval_holds_at_the_ends():
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (score, no correction).
    for right, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        told = wilson(right, n)
        assert (told.low, told.high) == pytest.approx((low, high), abs=0.0001)
    assert wilson(20, 20).high == 1
    assert math.isnan(wilson(0, 0).value)


def test_the_interval_of_a_difference_is_newcombes():
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II (a), method 10.
    told = difference(56, 70, 48, 80)
    assert told.value == pytest.approx(0.2)
    assert (told.low, told.high) == pytest.approx((0.0524, 0.3339), abs=0.0001)


def test_a_fair_coin_gives_eight_of_ten_seldom():
    assert chance_of_as_many(8, 10) == pytest.approx(56 / 1024)
    assert chance_of_as_many(0, 10) == pytest.approx(1)
    assert chance_of_as_many(0, 0) == 1
    assert chance_of_as_many(900, 1000) < 1e-100

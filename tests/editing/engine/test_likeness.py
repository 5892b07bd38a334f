import json

import numpy as np
import pytest

from editing.engine.likeness import Likeness, measure_likeness


def crowd(spread: float, n_people: int = 40, n_each: int = 6) -> tuple[np.ndarray, ...]:
    """Unit vectors scattered about each person's own, with yaws."""
    draw = np.random.default_rng(1)
    own = draw.normal(size=(n_people, 8))
    people = np.repeat(np.arange(n_people), n_each)
    vectors = own[people] + spread * draw.normal(size=(len(people), 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, people, draw.uniform(-40, 40, len(people))


def test_people_far_apart_are_told_apart_without_error() -> None:
    found = measure_likeness(*crowd(0.05))
    assert (found.n_faces, found.n_people) == (240, 40)
    assert found.auc > 0.995
    assert found.eer < 0.02
    assert found.auc_interval[0] <= found.auc <= found.auc_interval[1] <= 1


def test_noise_is_a_coin_toss() -> None:
    found = measure_likeness(*crowd(100.0))
    assert found.auc == pytest.approx(0.5, abs=0.05)
    assert found.eer == pytest.approx(0.5, abs=0.05)
    assert found.auc_interval[0] < 0.5 < found.auc_interval[1]


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    vectors, people, yaw = crowd(0.9, n_people=8, n_each=3)
    found = measure_likeness(vectors, people, yaw)
    a, b = np.triu_indices(len(people), 1)
    cosine, same = (vectors[a] * vectors[b]).sum(axis=1), people[a] == people[b]
    right = (cosine[same][:, None] > cosine[~same][None]).mean()
    assert found.auc == pytest.approx(right, abs=1e-12)


def test_a_cosine_is_placed_among_pairs_that_differ_as_much_in_yaw() -> None:
    found = measure_likeness(*crowd(0.5))
    assert [band.yaw_min for band in found.bands] == [0, 10, 20, 30, 45]
    low, high = (found.standing(cosine, 25.0) for cosine in (-0.9, 0.99))
    assert low["above_strangers"] < 0.05 < 0.95 < high["above_strangers"]
    assert high["below_same"] < 0.2 < 0.8 < low["below_same"]
    assert high["different"] < high["same"]
    assert found.standing(0.5, 170.0)["same"] == found.bands[-1].same[10]


def test_figures_survive_json() -> None:
    found = measure_likeness(*crowd(0.5))
    assert Likeness.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Likeness.unmeasured().standing(0.3, 10.0) is None


def test_a_crowd_too_large_for_all_pairs_measures_the_same() -> None:
    vectors, people, yaw = crowd(0.7, n_people=620, n_each=5)
    whole = measure_likeness(vectors[:2900], people[:2900], yaw[:2900])
    drawn = measure_likeness(vectors, people, yaw)
    assert drawn.n_faces == 3100
    assert drawn.auc == pytest.approx(whole.auc, abs=0.02)


def test_one_person_alone_has_no_likeness() -> None:
    vectors, people, yaw = crowd(0.5)
    with pytest.raises(ValueError, match="two faces each of two people"):
        measure_likeness(vectors, np.arange(len(people)), yaw)
    with pytest.raises(ValueError, match="two faces each of two people"):
        measure_likeness(vectors[:6], people[:6], yaw[:6])

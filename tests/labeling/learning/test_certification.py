"""A promise of few errors is kept, whatever people took out of the pool meanwhile."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from labeling.learning import certification
from labeling.learning.certification import certify, forecast, plan
from labeling.learning.lots import Draw, still_counting


def faces(n, rng, *, brags=0.0):
    """Top probabilities, and whether the label is wrong: right nearly as often as they say."""
    score = 1 / 3 + 2 / 3 / (1 + np.exp(-rng.normal(3, 3, n)))
    return score, rng.random(n) > score - brags * (1 - score)


def split(n_faces, n_audit, rng):
    order = rng.permutation(n_faces)
    return order[:n_audit], order[n_audit:]


def error_of(certificate, score, is_wrong):
    """The share of wrong labels among those published."""
    return is_wrong[score >= certificate.threshold].mean() if certificate.threshold else 0.0


def test_the_promise_is_broken_no_more_often_than_delta_says():
    rng = np.random.default_rng(0)
    broken, covered = 0, []
    for _ in range(200):
        score, is_wrong = faces(4000, rng)
        audit, pool = split(4000, 600, rng)
        found = certify(
            *(score[pool], score[audit], is_wrong[audit], [Draw(600, 4000, 0)]),
            target=0.05,
            delta=0.1,
        )
        broken += error_of(found, score[pool], is_wrong[pool]) > 0.05
        covered.append(found.coverage)
    assert broken <= 28  # 20 expected at most
    assert np.mean(covered) > 0.55


def test_the_promise_holds_when_the_model_brags():
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(100):
        score, is_wrong = faces(4000, rng, brags=2.0)
        audit, pool = split(4000, 600, rng)
        given = score[pool], score[audit], is_wrong[audit], [Draw(600, 4000, 0)]
        found = certify(*given, target=0.05, delta=0.1)
        broken += error_of(found, score[pool], is_wrong[pool]) > 0.05
    assert broken <= 17


@pytest.mark.parametrize("says_so", [True, False])
def test_verified_faces_that_left_the_pool_must_be_known_of(says_so):
    """People verify what the model is surest of, so the easiest labels leave the pool."""
    rng = np.random.default_rng(2)
    broken = 0
    for _ in range(40):
        score, is_wrong = faces(20_000, rng)
        audit, pool = split(20_000, 1000, rng)
        left = pool[np.argsort(-score[pool], kind="stable")[7000:]]
        draws = [Draw(1000, 20_000, 7000 if says_so else 0)]
        found = certify(*(score[left], score[audit], is_wrong[audit], draws), target=0.1, delta=0.1)
        broken += error_of(found, score[left], is_wrong[left]) > 0.1
    # Kept quiet, 1,000 audit faces of 20,000 pass for 1,000 of the 13,000 that are left.
    assert (broken <= 8) == says_so


def usual_threshold(left, audited, is_wrong, *, target, delta):
    """Fixed-sequence testing as it is usually done: errors among accepted audit faces, binomial."""
    thresholds = np.quantile(left, np.linspace(0.99, 0, 100))
    reaches = audited[None] >= thresholds[:, None]
    fails = binom.cdf((reaches & is_wrong).sum(axis=1), reaches.sum(axis=1), target) > delta
    passed = int(fails.argmax()) if fails.any() else len(fails)
    return thresholds[passed - 1] if passed else np.inf


def test_dividing_by_accepted_audit_faces_would_break_the_promise_after_a_grid():
    rng = np.random.default_rng(11)
    usual = ours = 0
    for _ in range(40):
        score, is_wrong = faces(20_000, rng)
        audit, pool = split(20_000, 1000, rng)
        left = pool[np.argsort(-score[pool], kind="stable")[5000:]]
        given = score[left], score[audit], is_wrong[audit]
        found = certify(*given, [Draw(1000, 20_000, 5000)], target=0.05, delta=0.1)
        ours += error_of(found, score[left], is_wrong[left]) > 0.05
        passes = score[left] >= usual_threshold(*given, target=0.05, delta=0.1)
        usual += passes.any() and is_wrong[left][passes].mean() > 0.05
    assert ours <= 8
    assert usual >= 25


def test_the_promise_holds_for_a_model_that_learns_from_the_faces_people_chose():
    """Each round, people label the faces the model is least sure of, and it is fitted again."""
    rng = np.random.default_rng(3)
    broken, certified = 0, 0
    for _ in range(60):
        truth = rng.integers(0, 2, 3000)
        features = rng.normal(size=(3000, 4)) + np.outer(truth - 0.5, [2.2, 1.5, 0, 0])
        audit, pool = split(3000, 400, rng)
        seen = rng.choice(pool, 20, replace=False)
        for _ in range(6):
            weights = np.linalg.lstsq(features[seen], 2.0 * truth[seen] - 1, rcond=None)[0]
            p = 1 / (1 + np.exp(-3 * features @ weights))
            rest = np.setdiff1d(pool, seen)
            seen = np.append(seen, rest[np.argsort(np.abs(p[rest] - 0.5))[:60]])
        left = np.setdiff1d(pool, seen)
        score, is_wrong = np.maximum(p, 1 - p), (p > 0.5) != truth
        draws = [Draw(400, 3000, len(seen))]
        found = certify(score[left], score[audit], is_wrong[audit], draws, target=0.03, delta=0.1)
        broken += error_of(found, score[left], is_wrong[left]) > 0.03
        certified += found.threshold is not None
    assert broken <= 11
    assert certified > 30


def test_what_is_allowed_agrees_with_counting_all_lots():
    rng = np.random.default_rng(4)
    score, _ = faces(300, rng)
    planned = plan(score[80:], score[:80], [Draw(80, 300, 0)], target=0.1, delta=0.1)
    delta = Fraction(98, 1000)  # two percent of it are for the number of audit faces
    sure = np.sqrt(80 * np.log(1 / (0.02 * 0.1 / 100)) / 2)
    tested = 0
    for threshold, allowed in zip(planned.thresholds, planned.allowed, strict=True):
        reaching = int((score >= threshold).sum())
        most_audits = min(int(np.ceil(80 * reaching / 300 + sure)), 80)
        least_wrong = int(0.1 * (reaching - most_audits) + 1e-9) + 1

        def chance(errors, k=least_wrong):
            lots = sum(comb(k, j) * comb(300 - k, 80 - j) for j in range(errors + 1))
            return Fraction(lots, comb(300, 80))

        if reaching > most_audits:
            assert allowed < 0 or chance(int(allowed)) <= delta
            assert chance(int(allowed) + 1) > delta
            tested += 1
    assert tested > 20


def test_the_order_is_fixed_before_an_answer_is_looked_at_and_ends_at_the_first_failure():
    rng = np.random.default_rng(5)
    score, _ = faces(3000, rng)
    given = score[500:], score[:500]
    planned = plan(*given, [Draw(500, 3000, 0)], target=0.05, delta=0.1)
    assert (np.diff(planned.thresholds) < 0).all()
    assert (np.diff(planned.n_published) > 0).all()
    # As many wrong as allowed at the fourth threshold, one more at the fifth, and none behind: the
    # loosest would pass again, but nobody asks any more.
    strict, loose = planned.thresholds[3:5]
    many = np.zeros(500, dtype=bool)
    many[np.flatnonzero(score[:500] >= strict)[: planned.allowed[3]]] = True
    many[np.flatnonzero((score[:500] < strict) & (score[:500] >= loose))[:1]] = True
    assert planned.allowed[4] < many.sum() < planned.allowed[-1]
    found = certify(*given, many, [Draw(500, 3000, 0)], target=0.05, delta=0.1)
    assert (found.threshold, found.errors) == (strict, planned.allowed[3])
    nothing = certify(*given, np.ones(500, bool), [Draw(500, 3000, 0)], target=0.05, delta=0.1)
    assert (nothing.threshold, nothing.n_published, nothing.bound) == (None, 0, None)


def test_audit_faces_without_a_label_to_publish_are_neither_right_nor_wrong():
    rng = np.random.default_rng(6)
    score, is_wrong = faces(3000, rng)
    audited = score[:500].copy()
    audited[::2] = np.nan
    found = certify(
        *(score[500:], audited, is_wrong[:500], [Draw(500, 3000, 0)]), target=0.05, delta=0.1
    )
    assert found.n_audit == 500
    assert found.n_accepted <= 250


def test_the_bound_lies_below_the_target_and_above_the_share_of_errors():
    rng = np.random.default_rng(7)
    score, is_wrong = faces(5000, rng)
    found = certify(
        *(score[900:], score[:900], is_wrong[:900], [Draw(900, 5000, 0)]), target=0.05, delta=0.1
    )
    assert found.errors / found.n_accepted < found.bound <= 0.05
    assert found.n_published == (score[900:] >= found.threshold).sum()
    assert found.coverage == found.n_published / 4100


def test_audit_faces_that_people_would_have_taken_stop_counting():
    assert still_counting([Draw(100, 1000, 0)], 0.01) == 100
    taken = still_counting([Draw(100, 1000, 450)], 0.01)
    assert 30 < taken < 50  # half of them on average, fewer with bad luck
    assert still_counting([Draw(100, 1000, 900)], 0.01) == 0
    two = still_counting([Draw(100, 1000, 450), Draw(50, 450, 0)], 0.02)
    assert two == taken + 50
    rng = np.random.default_rng(8)
    left = []
    for _ in range(2000):
        is_audit = rng.permutation(1000) < 100
        at = np.flatnonzero(~is_audit)[449]  # whatever order people take faces in
        left.append(100 - is_audit[:at].sum())
    assert np.mean(np.array(left) < taken) <= 0.01 + 0.008


def test_more_audit_faces_are_worth_something_and_a_forecast_needs_no_answer():
    rng = np.random.default_rng(9)
    score, is_wrong = faces(20_000, rng)
    given = score[300:], score[:300], is_wrong[:300], [Draw(300, 20_000, 0)]
    now, then = certification.worth_of_more(*given, target=0.05, delta=0.05, rng=rng, n_more=300)
    assert 0 < now < then < 1
    covered, foretold = [], []
    for _ in range(30):
        audit, pool = split(20_000, 300, rng)
        scores, draws = (score[pool], score[audit]), [Draw(300, 20_000, 0)]
        found = certify(*scores, is_wrong[audit], draws, target=0.05, delta=0.05)
        covered.append(found.coverage)
        foretold.append(forecast(plan(*scores, draws, target=0.05, delta=0.05), rng))
    assert abs(np.mean(covered) - np.mean(foretold)) < 0.1


def test_too_few_audit_faces_certify_nothing_and_bad_numbers_are_named():
    rng = np.random.default_rng(10)
    score, is_wrong = faces(1000, rng)
    few = certify(
        *(score[20:], score[:20], np.zeros(20, bool), [Draw(20, 1000, 0)]), target=0.02, delta=0.05
    )
    assert few.threshold is None
    none = certify(score[:0], score[:20], is_wrong[:20], [Draw(20, 20, 0)], target=0.02, delta=0.05)
    assert none.threshold is None
    with pytest.raises(ValueError, match=r"target is 0 and delta 0.05"):
        plan(score, score[:1], [Draw(1, 1000, 0)], target=0, delta=0.05)
    with pytest.raises(ValueError, match="20 scores, 20 verdicts and 30 drawn"):
        certify(score, score[:20], is_wrong[:20], [Draw(30, 1000, 0)], target=0.02, delta=0.05)
    with pytest.raises(ValueError, match=r"950 taken faces came, expected 0..900"):
        still_counting([Draw(100, 1000, 950)], 0.01)

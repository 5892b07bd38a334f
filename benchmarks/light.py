"""Where the light comes from, on real faces: with no vote, with few, and with cautious ones.

`make bench NAME=light ARGS="--seeds 20"`. Needs ../shared/data (see tests/conftest.py). What ships
was developed on the odd subjects of yale_b; the even ones are the held-out half, reported apart.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks._real import CHOICES, Celeba, Lit, absent, celeba, celeba_votes, yale_b
from benchmarks._reporting import absent as end_for_absent
from benchmarks._reporting import report, rounded, say
from labeling.learning import features, light_prior
from labeling.learning.agreement import Metric, alpha
from labeling.learning.classifier import LightClassifier, fit
from labeling.learning.scoring import area_under_curve, judge

MIRROR = np.array([2, 1, 0])
VOTES = (20, 50, 100, 300)
# With so many votes the development and the held-out half are told apart.
HALVES_AT = 100
PUBLISHED = {"between_poses": [0.0045, 0.0066], "between_lights": [0.0026, 0.0050]}
POSE_EDGES = (-12.0, 12.0)
RESAMPLES = 1000


def between(values: np.ndarray) -> list[float]:
    return [rounded(float(at)) for at in np.nanquantile(values, [0.025, 0.975])]


def mean_of_seeds(accuracies: np.ndarray) -> tuple[float, list[float]]:
    """Mean over seeds, and its 95% interval by drawing the seeds again."""
    rng = np.random.default_rng(0)
    again = rng.choice(accuracies, (RESAMPLES, len(accuracies))).mean(axis=1)
    return rounded(float(accuracies.mean())), between(again)


def no_votes(prior: LightClassifier, faces: Lit) -> dict[str, Any]:
    judged = judge(prior.predict(faces.vectors), np.eye(3)[faces.sides], groups=faces.subjects)
    return {
        "accuracy": rounded(judged["accuracy"]),
        "interval": judged["intervals"]["accuracy"],
        "ece": rounded(judged["ece"]),
        "n": len(faces.sides),
    }


def few_votes(faces: Lit, n_votes: int, seeds: int, prior: LightClassifier | None) -> np.ndarray:
    """Accuracies (seeds,) on subjects whose faces nobody voted on: half of them, by lot."""
    accuracies = []
    subjects = np.unique(faces.subjects)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        seen = np.isin(faces.subjects, rng.permutation(subjects)[: (len(subjects) + 1) // 2])
        rows = rng.choice(np.flatnonzero(seen), n_votes, replace=False)
        training = fit(
            faces.vectors[rows],
            np.eye(3)[faces.sides[rows]],
            mirror_of=MIRROR,
            signs=features.mirror_signs(),
            identities=faces.subjects[rows],
            prior=prior,
        )
        said = training.classifier.predict(faces.vectors[~seen]).argmax(axis=1)
        accuracies.append(np.mean(said == faces.sides[~seen]))
    return np.array(accuracies)


def on_yale(prior: LightClassifier, seeds: int) -> dict[str, Any]:
    everyone = yale_b()
    halves = {
        "all": everyone,
        "development": everyone.only(everyone.subjects % 2 == 1),
        "held_out": everyone.only(everyone.subjects % 2 == 0),
    }
    figures: dict[str, Any] = {"0": {name: no_votes(prior, part) for name, part in halves.items()}}
    for n_votes in VOTES:
        say(f"yale_b, {n_votes} votes, {seeds} seeds")
        row = {}
        for name, part in halves.items():
            if name != "all" and n_votes != HALVES_AT:
                continue
            mean, interval = mean_of_seeds(few_votes(part, n_votes, seeds, prior))
            row[name] = {"accuracy": mean, "interval": interval}
        mean, interval = mean_of_seeds(few_votes(everyone, n_votes, seeds, None))
        row["all_without_prior"] = {"accuracy": mean, "interval": interval}
        figures[str(n_votes)] = row
    return figures


def cross_fitted(
    targets: np.ndarray,
    weights: np.ndarray,
    faces: Celeba,
    rows: np.ndarray,
    prior: LightClassifier | None,
) -> np.ndarray:
    """Probabilities (n, 3), each by a classifier, calibration included, that knew nobody of it."""
    people, folds = np.unique(faces.identities[rows], return_inverse=True)
    folds = np.random.default_rng(0).permutation(len(people))[folds] % 5
    said = np.zeros_like(targets)
    for fold in range(5):
        seen = folds != fold
        training = fit(
            faces.vectors[rows[seen]],
            targets[seen],
            mirror_of=MIRROR,
            signs=features.mirror_signs(),
            weights=weights[seen],
            identities=faces.identities[rows[seen]],
            prior=prior,
        )
        said[~seen] = training.classifier.predict(faces.vectors[rows[~seen]])
    return said


def side_area(said: np.ndarray, counts: np.ndarray) -> tuple[float, list[float], int]:
    """AUC of left against right where two passes or more agree on a side, interval, faces."""
    left, right = counts[:, 0] >= 2, counts[:, 2] >= 2
    rows = np.flatnonzero(left | right)
    scores, is_right = np.log(said[rows, 2]) - np.log(said[rows, 0]), right[rows]
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(rows), (RESAMPLES, len(rows)))
    again = np.array([area_under_curve(scores[d], is_right[d]) for d in draws])
    return rounded(area_under_curve(scores, is_right)), between(again), len(rows)


def pairwise_agreement(counts: np.ndarray) -> float:
    """How often two passes over the same face gave the same of the three answers."""
    n = counts.sum(axis=1)
    same, pairs = (counts * (counts - 1)).sum(axis=1), n * (n - 1)
    return rounded(float(same.sum() / pairs.sum()))


def on_celeba(prior: LightClassifier, faces: Celeba) -> dict[str, Any]:
    voted, counts = celeba_votes()
    counts = counts[:, :3]
    sure = counts.sum(axis=1) > 0
    rows, counts = voted[sure], counts[sure]
    weights = counts.sum(axis=1).astype(float)
    shares = counts / weights[:, None]
    figures: dict[str, Any] = {
        "faces": len(rows),
        "votes": int(weights.sum()),
        "agreement": pairwise_agreement(counts),
        "alpha_ordinal": rounded(alpha(counts, np.ones(len(rows), int), Metric.ORDINAL)),
    }
    said = {
        "ours": cross_fitted(shares, weights, faces, rows, prior),
        "without_prior": cross_fitted(shares, weights, faces, rows, None),
        "0_votes": prior.predict(faces.vectors[rows]),
    }
    for name, probabilities in said.items():
        judged = judge(
            probabilities,
            shares,
            weights=weights,
            groups=faces.identities[rows],
            yaw=faces.yaw[rows],
            resamples=RESAMPLES,
        )
        area, interval, n_sides = side_area(probabilities, counts)
        judged["intervals"]["side_auc"] = interval
        figures[name] = {"side_auc": area, "side_auc_faces": n_sides, **judged}
    return figures


def neighbours(means: np.ndarray, counts: np.ndarray, axis: int) -> Iterator[float | None]:
    """Mean-square distances between neighbouring mean faces along one axis of the table."""
    first, second = np.take(means, [0, 1], axis), np.take(means, [1, 2], axis)
    filled = np.minimum(np.take(counts, [0, 1], axis), np.take(counts, [1, 2], axis)) > 0
    distances = ((first - second) ** 2).mean(axis=(2, 3, 4))
    for distance, is_filled in zip(distances.ravel(), filled.ravel(), strict=True):
        yield rounded(float(distance)) if is_filled else None


def mean_faces(faces: Celeba, light: np.ndarray) -> dict[str, Any]:
    """The table light by pose: counts, and distances between neighbours, pictures in 0..1.

    Every face also stands in it mirrored, as in the published one.
    """
    pose = np.digitize(faces.yaw, POSE_EDGES)
    means, counts = np.zeros((3, 3, *faces.crops.shape[1:])), np.zeros((3, 3), dtype=int)
    for side in range(3):
        for turn in range(3):
            own = faces.crops[(light == side) & (pose == turn)]
            other = faces.crops[(light == 2 - side) & (pose == 2 - turn)]
            counts[side, turn] = len(own) + len(other)
            total = own.sum(axis=0, dtype=float) + other.sum(axis=0, dtype=float)[:, ::-1]
            means[side, turn] = total / 255 / max(counts[side, turn], 1)
    return {
        "counts": counts.tolist(),
        "between_poses": list(neighbours(means, counts, axis=1)),
        "between_lights": list(neighbours(means, counts, axis=0)),
    }


def tables(prior: LightClassifier, faces: Celeba) -> dict[str, Any]:
    """Mean faces over all 8,000, labeled by what the votes taught and by the light stage alone."""
    voted, counts = celeba_votes()
    sure = counts[:, :3].sum(axis=1) > 0
    rows, counts = voted[sure], counts[sure, :3]
    training = fit(
        faces.vectors[rows],
        counts / counts.sum(axis=1, keepdims=True),
        mirror_of=MIRROR,
        signs=features.mirror_signs(),
        weights=counts.sum(axis=1).astype(float),
        identities=faces.identities[rows],
        prior=prior,
    )
    labelers: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "by_votes": training.classifier.predict,
        "by_light_stage": prior.predict,
    }
    table = {
        name: mean_faces(faces, predict(faces.vectors).argmax(axis=1))
        for name, predict in labelers.items()
    }
    return {"published": PUBLISHED, **table}


def measure(seeds: int) -> dict[str, Any]:
    if missing := absent():
        end_for_absent("real faces, absent here: " + ", ".join(missing))
    prior = light_prior.shipped()
    yale = on_yale(prior, seeds)
    say("celeba_slice")
    faces = celeba()
    votes = on_celeba(prior, faces)
    ours = votes["ours"]
    return {
        "choices": CHOICES,
        "yale_b_accuracy_0_votes": yale["0"]["all"]["accuracy"],
        "yale_b_accuracy_100_votes": yale["100"]["all"]["accuracy"],
        "celeba_accuracy": rounded(ours["accuracy"]),
        "celeba_agreement": votes["agreement"],
        "side_auc": ours["side_auc"],
        "log_loss": rounded(ours["log_loss"]),
        "macro_f1": rounded(ours["macro_f1"]),
        "ece": rounded(ours["ece"]),
        "intervals": {
            "yale_b_accuracy_0_votes": yale["0"]["all"]["interval"],
            "yale_b_accuracy_100_votes": yale["100"]["all"]["interval"],
            **ours["intervals"],
        },
        "yale_b": yale,
        "celeba": votes,
        "mean_faces": tables(prior, faces),
        "seeds": seeds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    report("light", lambda: measure(given.seeds))

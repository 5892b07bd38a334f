"""From votes to what people believe of each face: Dawid & Skene 1979, held back where it brags.

Votes are three columns of numbers: face, annotator, choice; choice k of k is "can't tell".
"""

from dataclasses import dataclass

import numpy as np

from labeling.learning.calibration import TINY, softmax

# An annotator of whom nothing is known: right about three times in four, worth so many votes.
PRIOR_RIGHT, PRIOR_UNSURE, PRIOR_VOTES = 0.80, 0.08, 12.0
ROUNDS = 15
# How far a model may move what people said, in nats: it breaks ties, it overturns no clear vote.
MODEL_WEIGHT, MODEL_LIMIT = 0.5, 1.0


@dataclass(frozen=True)
class Opinion:
    """posterior (n, k) per face of `faces` (n,); confusion (a, k, k + 1), truth by answer.

    shares  (n, k) of a face's answers, each by its annotator's skill; what a classifier learns from
    weight  (n,) the skills behind them; 0 where nobody could tell
    """

    faces: np.ndarray
    posterior: np.ndarray
    shares: np.ndarray
    weight: np.ndarray
    confusion: np.ndarray
    n_votes: np.ndarray
    n_sure: np.ndarray
    disagrees: np.ndarray


def aggregate(
    face: np.ndarray, annotator: np.ndarray, choice: np.ndarray, n_choices: int
) -> Opinion:
    """What the votes say of each face that has one.

    face, annotator, choice  (v,) ids, ids, 0..k (k = can't tell)
    raises                   ValueError for columns of different length or a choice out of range
    """
    if not len(face) == len(annotator) == len(choice):
        raise ValueError(
            f"{len(face)} faces, {len(annotator)} annotators and {len(choice)} choices came, "
            "expected as many of each"
        )
    if len(choice) and not 0 <= choice.min() <= choice.max() <= n_choices:
        raise ValueError(f"choices lie in {choice.min()}..{choice.max()}, expected 0..{n_choices}")
    faces, row = np.unique(face, return_inverse=True)
    people, person = np.unique(annotator, return_inverse=True)
    counts = np.zeros((len(faces), n_choices + 1), dtype=np.int64)
    np.add.at(counts, (row, choice), 1)
    confusion = np.tile(prior_confusion(n_choices), (len(people), 1, 1))
    prior = np.full(n_choices, 1 / n_choices)
    posterior = expect(row, person, choice, confusion, prior, len(faces))
    for _ in range(ROUNDS):
        confusion = maximize(row, person, choice, posterior, len(people))
        before, posterior = posterior, expect(row, person, choice, confusion, prior, len(faces))
        prior = (posterior.sum(axis=0) + 1) / (len(faces) + n_choices)
        if np.abs(posterior - before).max(initial=0) < 1e-4:
            break
    sure = counts[:, :n_choices]
    skilled = np.zeros((len(faces), n_choices + 1))
    np.add.at(skilled, (row, choice), skill_of(confusion)[person])
    weight = skilled[:, :n_choices].sum(axis=1)
    return Opinion(
        faces,
        posterior,
        skilled[:, :n_choices] / np.maximum(weight, TINY)[:, None],
        weight,
        confusion,
        counts.sum(axis=1),
        sure.sum(axis=1),
        (sure > 0).sum(axis=1) > 1,
    )


def prior_confusion(n_choices: int) -> np.ndarray:
    """How an unknown annotator answers (k, k + 1): by truth, then by answer."""
    wrong = (1 - PRIOR_RIGHT - PRIOR_UNSURE) / (n_choices - 1)
    table = np.full((n_choices, n_choices + 1), wrong)
    table[:, n_choices] = PRIOR_UNSURE
    np.fill_diagonal(table, PRIOR_RIGHT)
    return table


def skill_of(confusion: np.ndarray) -> np.ndarray:
    """How much a vote teaches: (a,) in 0..1, 0 for guessing or worse, 1 for never wrong."""
    k = confusion.shape[1]
    answered = confusion[:, :, :k] / confusion[:, :, :k].sum(axis=2, keepdims=True)
    right = answered.diagonal(axis1=1, axis2=2).mean(axis=1)
    return np.clip((right - 1 / k) / (1 - 1 / k), 0.0, 1.0)


def expect(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    confusion: np.ndarray,
    prior: np.ndarray,
    n_faces: int,
) -> np.ndarray:
    """E step: the probability (n, k) of each choice for each face, given how people answer."""
    evidence = np.tile(np.log(prior), (n_faces, 1))
    np.add.at(evidence, row, np.log(confusion[person, :, choice]))
    return softmax(evidence)


def maximize(
    row: np.ndarray, person: np.ndarray, choice: np.ndarray, posterior: np.ndarray, n_people: int
) -> np.ndarray:
    """M step: how each person answers (a, k, k + 1), from the faces that others voted on too.

    A face with one vote is believed to be what that vote says, so counting it would make everybody
    who votes alone look perfect.
    """
    k = posterior.shape[1]
    alone = np.bincount(row, minlength=len(posterior))[row] < 2
    counts = np.tile(prior_confusion(k) * PRIOR_VOTES, (n_people, 1, 1))
    by_answer = counts.transpose(0, 2, 1)
    np.add.at(by_answer, (person[~alone], choice[~alone]), posterior[row[~alone]])  # a view
    return counts / counts.sum(axis=2, keepdims=True)


def combine(posterior: np.ndarray, model: np.ndarray) -> np.ndarray:
    """People's posterior (n, k), leaned towards a model that has not seen these votes (n, k).

    The model is not EM's prior: as such it made consensus worse and overconfident. Its evidence is
    halved and bounded, and the posterior stays people's.
    """
    evidence = np.log(np.maximum(model, TINY))
    evidence -= evidence.mean(axis=1, keepdims=True)
    leaning = np.clip(MODEL_WEIGHT * evidence, -MODEL_LIMIT, MODEL_LIMIT)
    return softmax(np.log(np.maximum(posterior, TINY)) + leaning)

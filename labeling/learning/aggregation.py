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


# The belief in a face that somebody had the last word on.
SETTLED = 0.995


@dataclass(frozen=True)
class Opinion:
    """posterior (n, k) per face of `faces` (n,); confusion (a, k, k + 1), truth by answer.

    shares   (n, k) of a face's answers, each by its annotator's skill: what a classifier learns
    weight   (n,) the skills behind them; 0 where nobody could tell, or the face must not teach
    settled  (n,) somebody had the last word
    counts   (a, k, k + 1) what is believed of the faces that others voted on too, by answer
    judged, right  (a,) sure answers on such faces, and those that the others agree with
    """

    faces: np.ndarray
    posterior: np.ndarray
    shares: np.ndarray
    weight: np.ndarray
    n_votes: np.ndarray
    n_sure: np.ndarray
    disagrees: np.ndarray
    settled: np.ndarray
    people: np.ndarray
    confusion: np.ndarray
    counts: np.ndarray
    judged: np.ndarray
    right: np.ndarray


def aggregate(
    face: np.ndarray,
    annotator: np.ndarray,
    choice: np.ndarray,
    n_choices: int,
    *,
    trust: np.ndarray | None = None,
    teaches: np.ndarray | None = None,
    last_words: tuple[np.ndarray, np.ndarray] | None = None,
) -> Opinion:
    """What the votes say of each face that has one.

    face, annotator, choice  (v,) ids, ids, 0..k (k = can't tell)
    trust       (v,) 0..1, how much of each vote's evidence counts; default all of it
    teaches     (v,) false: the vote says something of its face, and nothing else may learn from it
    last_words  (m,) faces and (m,) choices 0..k that were settled; k = nobody can tell
    raises      ValueError for columns of different length or a choice out of range
    """
    if not len(face) == len(annotator) == len(choice):
        raise ValueError(
            f"{len(face)} faces, {len(annotator)} annotators and {len(choice)} choices came, "
            "expected as many of each"
        )
    if len(choice) and not 0 <= choice.min() <= choice.max() <= n_choices:
        raise ValueError(f"choices lie in {choice.min()}..{choice.max()}, expected 0..{n_choices}")
    trust = np.ones(len(face)) if trust is None else trust
    teaches = np.ones(len(face), dtype=bool) if teaches is None else teaches
    words_on, words = last_words or (np.zeros(0, np.int64), np.zeros(0, np.int64))
    faces = np.union1d(face, words_on).astype(np.int64)
    row = np.searchsorted(faces, face)
    people, person = np.unique(annotator, return_inverse=True)
    fixed = _fixed(faces, words_on, words, n_choices)
    votes = row, person, choice
    taught = row[teaches], person[teaches], choice[teaches]
    confusion, prior = _learn(*taught, trust[teaches], fixed, len(people), n_choices)
    posterior = expect(*votes, confusion, prior, len(faces), trust=trust, fixed=fixed)
    answers = np.zeros((len(faces), n_choices + 1), dtype=np.int64)
    np.add.at(answers, (row, choice), 1)
    sure = answers[:, :n_choices]
    skilled = np.zeros((len(faces), n_choices + 1))
    np.add.at(skilled, (row, choice), skill_of(confusion)[person] * trust * teaches)
    weight = skilled[:, :n_choices].sum(axis=1)
    shares = skilled[:, :n_choices] / np.maximum(weight, TINY)[:, None]
    is_word = fixed.max(axis=1) > 0.5
    may_teach = np.ones(len(faces), dtype=bool)
    may_teach[row[~teaches]] = False
    # What was settled teaches as one vote that is never wrong.
    shares[is_word], weight[is_word] = fixed[is_word], may_teach[is_word]
    settled = fixed.sum(axis=1) > 0
    weight[settled & ~is_word] = 0
    judged, right = _judge(*votes, trust, confusion, posterior, is_word)
    return Opinion(
        faces=faces,
        posterior=posterior,
        shares=shares,
        weight=weight,
        n_votes=answers.sum(axis=1),
        n_sure=sure.sum(axis=1),
        disagrees=(sure > 0).sum(axis=1) > 1,
        settled=settled,
        people=people,
        confusion=confusion,
        counts=_counts(*taught, posterior, is_word, len(people)),
        judged=judged,
        right=right,
    )


def _fixed(faces: np.ndarray, on: np.ndarray, words: np.ndarray, n_choices: int) -> np.ndarray:
    """The settled faces' belief (n, k): even where nobody can tell, zeros for the others."""
    fixed = np.zeros((len(faces), n_choices))
    fixed[np.searchsorted(faces, on)] = 1 / n_choices
    told = words < n_choices
    rows = np.searchsorted(faces, on[told])
    fixed[rows] = (1 - SETTLED) / (n_choices - 1)
    fixed[rows, words[told]] = SETTLED
    return fixed


def _learn(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    trust: np.ndarray,
    fixed: np.ndarray,
    n_people: int,
    n_choices: int,
) -> tuple[np.ndarray, np.ndarray]:
    """EM: how each person answers (a, k, k + 1), and how common each choice is (k,)."""
    n_faces, votes = len(fixed), (row, person, choice)
    is_word = fixed.max(axis=1) > 0.5
    asked = np.zeros(n_faces, dtype=bool)
    asked[row] = True
    confusion = np.tile(prior_confusion(n_choices), (n_people, 1, 1))
    prior = np.full(n_choices, 1 / n_choices)
    posterior = expect(*votes, confusion, prior, n_faces, trust=trust, fixed=fixed)
    for _ in range(ROUNDS):
        confusion = maximize(*votes, posterior, is_word, n_people)
        before = posterior
        posterior = expect(*votes, confusion, prior, n_faces, trust=trust, fixed=fixed)
        prior = (posterior[asked].sum(axis=0) + 1) / (asked.sum() + n_choices)
        if np.abs(posterior - before).max(initial=0) < 1e-4:
            break
    return confusion, prior


def _judge(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    trust: np.ndarray,
    confusion: np.ndarray,
    posterior: np.ndarray,
    is_word: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Each person's sure answers on faces that others voted on or settled, and the right ones.

    A vote is judged by what is believed without it: else everybody would agree with themselves.
    """
    k, n_people = posterior.shape[1], len(confusion)
    others = (np.bincount(row, minlength=len(posterior))[row] > 1) | is_word[row]
    counts = others & (choice < k)
    row, person, choice, trust = row[counts], person[counts], choice[counts], trust[counts]
    own = np.where(is_word[row], 0.0, trust)[:, None] * np.log(confusion[person, :, choice])
    without = np.log(np.maximum(posterior[row], TINY)) - own
    agrees = without.argmax(axis=1) == choice
    judged = np.bincount(person, minlength=n_people)
    return judged, np.bincount(person[agrees], minlength=n_people)


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
    *,
    trust: np.ndarray,
    fixed: np.ndarray,
) -> np.ndarray:
    """E step: the probability (n, k) of each choice for each face, given how people answer."""
    evidence = np.tile(np.log(prior), (n_faces, 1))
    np.add.at(evidence, row, np.log(confusion[person, :, choice]) * trust[:, None])
    return np.where(fixed.sum(axis=1, keepdims=True) > 0, fixed, softmax(evidence))


def maximize(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    posterior: np.ndarray,
    is_word: np.ndarray,
    n_people: int,
) -> np.ndarray:
    """M step: how each person answers (a, k, k + 1), from the faces that others speak of too."""
    k = posterior.shape[1]
    counts = _counts(row, person, choice, posterior, is_word, n_people)
    counts += prior_confusion(k) * PRIOR_VOTES
    return counts / counts.sum(axis=2, keepdims=True)


def _counts(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    posterior: np.ndarray,
    is_word: np.ndarray,
    n_people: int,
) -> np.ndarray:
    """Each person's answers by what is believed (a, k, k + 1), on faces others speak of too.

    A face with one vote is believed to be what that vote says, so counting it would make everybody
    who votes alone look perfect.
    """
    k = posterior.shape[1]
    others = (np.bincount(row, minlength=len(posterior))[row] > 1) | is_word[row]
    counts = np.zeros((n_people, k, k + 1))
    by_answer = counts.transpose(0, 2, 1)
    np.add.at(by_answer, (person[others], choice[others]), posterior[row[others]])  # a view
    return counts


def combine(posterior: np.ndarray, model: np.ndarray) -> np.ndarray:
    """People's posterior (n, k), leaned towards a model that has not seen these votes (n, k).

    The model is not EM's prior: as such it made consensus worse and overconfident. Its evidence is
    halved and bounded, and the posterior stays people's.
    """
    evidence = np.log(np.maximum(model, TINY))
    evidence -= evidence.mean(axis=1, keepdims=True)
    leaning = np.clip(MODEL_WEIGHT * evidence, -MODEL_LIMIT, MODEL_LIMIT)
    return softmax(np.log(np.maximum(posterior, TINY)) + leaning)

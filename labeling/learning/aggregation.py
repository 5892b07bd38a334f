"""From votes to what people believe of each face: Dawid & Skene 1979, held back where it brags.

Votes are three columns of numbers: face, annotator, choice; choice k of k is "can't tell".
"""

from dataclasses import dataclass

import numpy as np

from labeling.learning.calibration import TINY, softmax
from labeling.learning.confusions import PRIOR_VOTES, prior_confusion, skill_of
from labeling.learning.judging import in_company, judge

ROUNDS = 15
# What a model's word counts where it judges annotators: its errors have company, theirs have not.
WITNESS = 0.7
# Evidence, in nats, from which on somebody is told to swap the sides or to guess: a thousand to 1.
TOLD = 7.0


# The belief in a face that somebody had the last word on.
SETTLED = 0.995


@dataclass(frozen=True)
class Opinion:
    """posterior (n, k) per face of `faces` (n,); confusion (a, k, k + 1), truth by answer.

    by_votes (n, k) the same by the votes alone, last words left out
    likelihood  (n, k) of the votes on each face, by choice, at most 1
    shares   (n, k) of a face's answers, each by its annotator's skill: what a classifier learns
    weight   (n,) the skills behind them; 0 where nobody could tell, or the face must not teach
    settled  (n,) somebody had the last word
    counts   (a, k, k + 1) what is believed of the faces that others voted on too, by answer
    judged, right  (a,) sure answers on such faces, and those that the others agree with
    swaps, guesses  (a,) told to give the mirrored choice, or any, whatever the face
    """

    faces: np.ndarray
    posterior: np.ndarray
    by_votes: np.ndarray
    likelihood: np.ndarray
    shares: np.ndarray
    weight: np.ndarray
    n_votes: np.ndarray
    n_sure: np.ndarray
    tied: np.ndarray
    settled: np.ndarray
    people: np.ndarray
    confusion: np.ndarray
    counts: np.ndarray
    judged: np.ndarray
    right: np.ndarray
    swaps: np.ndarray
    guesses: np.ndarray


def aggregate(
    face: np.ndarray,
    annotator: np.ndarray,
    choice: np.ndarray,
    n_choices: int,
    *,
    trust: np.ndarray | None = None,
    teaches: np.ndarray | None = None,
    last_words: tuple[np.ndarray, np.ndarray] | None = None,
    silent: np.ndarray | None = None,
    witness: tuple[np.ndarray, np.ndarray] | None = None,
    mirror_of: np.ndarray | None = None,
) -> Opinion:
    """What the votes say of each face that has one.

    face, annotator, choice  (v,) ids, ids, 0..k (k = can't tell)
    trust       (v,) 0..1, how much of each vote's evidence counts; default all of it
    teaches     (v,) false: the vote says something of its face, and nothing else may learn from it
    last_words  (m,) faces and (m,) choices 0..k that were settled; k = nobody can tell
    silent      (s,) faces whose last word, too, is heard by nobody else
    witness     (w,) faces, sorted, and (w, k) what a model says of them that has seen none of their
                votes: annotators are judged by it too, beliefs are not made of it
    mirror_of   (k,) the choice of the mirrored face, so that who swaps the sides is told
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
    mirror_of = np.arange(n_choices) if mirror_of is None else mirror_of
    saw = _seen(faces, witness, n_choices)
    usual = np.tile(prior_confusion(n_choices), (len(people), 1, 1))
    learn = (*taught, trust[teaches], fixed, saw)
    confusion, prior = _learn(*learn, usual)
    posterior = expect(*votes, confusion, prior, len(faces), trust=trust, fixed=fixed)
    judgement = judge(*taught, trust[teaches], confusion, posterior, fixed, saw, mirror_of)
    swaps = judgement.swaps > TOLD
    if swaps.any():
        # Somebody who is told to swap is taken to swap from the first answer on.
        usual[swaps] = usual[swaps][:, mirror_of]
        confusion, prior = _learn(*learn, usual)
    by_votes = expect(*votes, confusion, prior, len(faces), trust=trust)
    likelihood = expect(*votes, confusion, np.ones(n_choices), len(faces), trust=trust)
    posterior = np.where(fixed.sum(axis=1, keepdims=True) > 0, fixed, by_votes)
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
    if silent is not None:
        may_teach[np.isin(faces, silent)] = False
    # What was settled teaches as one vote that is never wrong.
    shares[is_word], weight[is_word] = fixed[is_word], may_teach[is_word]
    settled = fixed.sum(axis=1) > 0
    weight[settled & ~is_word] = 0
    return Opinion(
        faces=faces,
        posterior=posterior,
        by_votes=by_votes,
        likelihood=likelihood / np.maximum(likelihood.max(axis=1, keepdims=True), TINY),
        shares=shares,
        weight=weight,
        n_votes=answers.sum(axis=1),
        n_sure=sure.sum(axis=1),
        tied=_tied(sure),
        settled=settled,
        people=people,
        confusion=confusion,
        counts=_counts(*taught, posterior, in_company(taught[0], fixed, saw), len(people)),
        judged=judgement.judged,
        right=judgement.right,
        swaps=swaps,
        guesses=(judgement.guesses > TOLD) & ~swaps,
    )


def _tied(counts: np.ndarray) -> np.ndarray:
    """Where no choice has more sure answers (n, k) than every other, and there are some."""
    ordered = np.sort(counts, axis=1)
    return (ordered[:, -1] > 0) & (ordered[:, -1] == ordered[:, -2])


def _fixed(faces: np.ndarray, on: np.ndarray, words: np.ndarray, n_choices: int) -> np.ndarray:
    """The settled faces' belief (n, k): even where nobody can tell, zeros for the others."""
    fixed = np.zeros((len(faces), n_choices))
    fixed[np.searchsorted(faces, on)] = 1 / n_choices
    told = words < n_choices
    rows = np.searchsorted(faces, on[told])
    fixed[rows] = (1 - SETTLED) / (n_choices - 1)
    fixed[rows, words[told]] = SETTLED
    return fixed


def _seen(
    faces: np.ndarray, witness: tuple[np.ndarray, np.ndarray] | None, n_choices: int
) -> np.ndarray:
    """What the witness says of each face, as evidence in nats (n, k); zeros where nothing."""
    saw = np.zeros((len(faces), n_choices))
    if witness is not None and len(witness[0]):
        known, said = witness
        place = np.minimum(np.searchsorted(known, faces), len(known) - 1)
        there = known[place] == faces
        saw[there] = WITNESS * np.log(np.maximum(said[place[there]], TINY))
        saw -= saw.mean(axis=1, keepdims=True)
    return saw


def _learn(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    trust: np.ndarray,
    fixed: np.ndarray,
    saw: np.ndarray,
    usual: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """EM: how each person answers (a, k, k + 1), and how common each choice is (k,).

    usual  (a, k, k + 1) how they are taken to answer before they have
    """
    n_faces, votes, n_choices = len(fixed), (row, person, choice), fixed.shape[1]
    asked = np.zeros(n_faces, dtype=bool)
    asked[row] = True
    company = in_company(row, fixed, saw)
    confusion, prior = usual, np.full(n_choices, 1 / n_choices)
    posterior = expect(*votes, confusion, prior, n_faces, trust=trust, fixed=fixed, saw=saw)
    for _ in range(ROUNDS):
        confusion = maximize(_counts(*votes, posterior, company, len(usual)), usual)
        before = posterior
        posterior = expect(*votes, confusion, prior, n_faces, trust=trust, fixed=fixed, saw=saw)
        prior = (posterior[asked].sum(axis=0) + 1) / (asked.sum() + n_choices)
        # Of the asked ones: how many others there are must not move when this ends.
        if np.abs(posterior - before)[asked].max(initial=0) < 1e-4:
            break
    return confusion, prior


def expect(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    confusion: np.ndarray,
    prior: np.ndarray,
    n_faces: int,
    *,
    trust: np.ndarray,
    fixed: np.ndarray | None = None,
    saw: np.ndarray | float = 0.0,
) -> np.ndarray:
    """E step: the probability (n, k) of each choice for each face, given how people answer."""
    evidence = np.tile(np.log(prior), (n_faces, 1)) + saw
    np.add.at(evidence, row, np.log(confusion[person, :, choice]) * trust[:, None])
    posterior = softmax(evidence)
    if fixed is None:
        return posterior
    return np.where(fixed.sum(axis=1, keepdims=True) > 0, fixed, posterior)


def maximize(counts: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """M step: how each person answers (a, k, k + 1), from their counts and what is usual."""
    counts = counts + usual * PRIOR_VOTES
    return counts / counts.sum(axis=2, keepdims=True)


def _counts(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    posterior: np.ndarray,
    company: np.ndarray,
    n_people: int,
) -> np.ndarray:
    """Each person's answers by what is believed (a, k, k + 1), on faces others speak of too."""
    k = posterior.shape[1]
    counts = np.zeros((n_people, k, k + 1))
    by_answer = counts.transpose(0, 2, 1)
    np.add.at(by_answer, (person[company], choice[company]), posterior[row[company]])  # a view
    return counts

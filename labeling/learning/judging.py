"""Annotators judged by what the others believe: who is right, who swaps the sides, who guesses."""

from dataclasses import dataclass

import numpy as np

from labeling.learning.calibration import TINY, softmax
from labeling.learning.confusions import PRIOR_UNSURE, prior_confusion


def in_company(row: np.ndarray, fixed: np.ndarray, saw: np.ndarray) -> np.ndarray:
    """Votes (v,) on faces that somebody else speaks of: another vote, a last word, the witness.

    A face with one vote is believed to be what that vote says, so counting it would make everybody
    who votes alone look perfect.
    """
    company = np.bincount(row, minlength=len(fixed))[row] > 1
    return company | (fixed.max(axis=1) > 0.5)[row] | (saw != 0).any(axis=1)[row]


@dataclass(frozen=True)
class Judgement:
    """Of each person: sure answers that could be judged, right ones, and evidence in nats (a,)."""

    judged: np.ndarray
    right: np.ndarray
    swaps: np.ndarray
    guesses: np.ndarray


def judge(
    row: np.ndarray,
    person: np.ndarray,
    choice: np.ndarray,
    trust: np.ndarray,
    confusion: np.ndarray,
    posterior: np.ndarray,
    fixed: np.ndarray,
    saw: np.ndarray,
    mirror_of: np.ndarray,
) -> Judgement:
    """Each person by what the others believe of the faces they answered.

    Judged by what includes the own vote, everybody would agree with themselves.
    """
    k, n_people = posterior.shape[1], len(confusion)
    is_word = fixed.max(axis=1) > 0.5
    own = np.where(is_word[row], 0.0, trust)[:, None] * np.log(confusion[person, :, choice])
    others = np.log(np.maximum(posterior[row], TINY)) - own
    others = softmax(others + np.where(is_word[row, None], 0.0, saw[row]))
    counts = in_company(row, fixed, saw) & (choice < k)
    others, person, choice = others[counts], person[counts], choice[counts]
    agrees = others.argmax(axis=1) == choice
    table = prior_confusion(k)
    straight = (others * table[:, choice].T).sum(axis=1)
    swapped = (others * table[:, mirror_of[choice]].T).sum(axis=1)
    said = np.ones((n_people, k))
    np.add.at(said, (person, choice), 1)
    by_habit = (said / said.sum(axis=1, keepdims=True))[person, choice] * (1 - PRIOR_UNSURE)
    return Judgement(
        judged=np.bincount(person, minlength=n_people),
        right=np.bincount(person[agrees], minlength=n_people),
        swaps=np.bincount(person, np.log(swapped / straight), minlength=n_people),
        guesses=np.bincount(person, np.log(by_habit / straight), minlength=n_people),
    )

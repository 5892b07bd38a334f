"""How people answer, by what is true: what is taken for granted, and what a vote then teaches."""

import numpy as np

# An annotator of whom nothing is known: right about three times in four, worth so many votes.
PRIOR_RIGHT, PRIOR_UNSURE, PRIOR_VOTES = 0.80, 0.08, 12.0


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

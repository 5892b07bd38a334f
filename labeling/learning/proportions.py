"""How common each choice is among faces, from audits and predictions together: PPI++.

The model's predictions of all faces are precise but may lean to one side; the audit faces show by
how much. Their difference corrects the mean, and lambda says how far predictions are worth
listening to: 0 is counting audits only. Symbols as in the paper.

Angelopoulos, Duchi, Zrnic 2023, PPI++: Efficient Prediction-Powered Inference, arXiv 2311.01453
"""

import numpy as np
from scipy.special import ndtri

from labeling.learning.agreement import Estimate

# The normal law behind the interval says little of fewer.
LEAST = 30


def share(
    answer: np.ndarray, predicted: np.ndarray, others: np.ndarray, *, confidence: float = 0.95
) -> Estimate:
    """The share of faces that have one choice, with its interval.

    answer     (n,) 1 where the audit says so, else 0
    predicted  (n,) the model's probability of it for the same faces
    others     (m,) the same of the faces that were not audited
    returns    nan for an interval from fewer than LEAST audit faces, and for a share of none
    """
    if len(answer) != len(predicted):
        raise ValueError(f"{len(answer)} answers and {len(predicted)} predictions came")
    n, m = len(answer), len(others)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan)
    lam = _lambda(answer, predicted, others)
    theta = lam * others.mean() + (answer - lam * predicted).mean() if m else answer.mean()
    if n < LEAST:
        return Estimate(_within(theta), np.nan, np.nan)
    # var = lambda^2 Var(f) / N + Var(Y - lambda f) / n
    variance = (answer - lam * predicted).var(ddof=1) / n
    variance += lam**2 * others.var(ddof=1) / m if m > 1 else 0.0
    # Where all answers are alike, the sample says nothing of its own spread: one more, unlike.
    variance = max(variance, (1 / (n + 2)) * (1 - 1 / (n + 2)) / n)
    half = float(ndtri(0.5 + confidence / 2)) * np.sqrt(variance)
    return Estimate(_within(theta), _within(theta - half), _within(theta + half))


def _lambda(answer: np.ndarray, predicted: np.ndarray, others: np.ndarray) -> float:
    """The weight of least variance: Cov(Y, f) / ((1 + n / N) Var f), within 0..1."""
    n, m = len(answer), len(others)
    if n < 2 or m < 2:
        return 0.0
    spread = np.append(predicted, others).var(ddof=1)
    if spread < 1e-12:
        return 0.0
    together = np.cov(answer, predicted, ddof=1)[0, 1]
    return float(np.clip(together / ((1 + n / m) * spread), 0.0, 1.0))


def _within(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))

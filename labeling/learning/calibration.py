"""How honest probabilities are, and the one number that makes them more so."""

import numpy as np
from scipy.optimize import minimize_scalar

TINY = 1e-12


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities (n, k) from scores (n, k)."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def log_loss(
    probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Mean cross-entropy in nats of probabilities (n, k) against soft targets (n, k)."""
    each = -(targets * np.log(np.maximum(probabilities, TINY))).sum(axis=1)
    return float(np.average(each, weights=weights))


def fit_temperature(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """What to divide held-out scores (n, k) by so that their log-loss is least, in 0.25..4.

    A pull towards 1, worth ten votes, keeps a handful of votes from setting it. Guo et al. 2017.
    """

    def cost(log_temperature: float) -> float:
        probabilities = softmax(scores / np.exp(log_temperature))
        return float(
            weights.sum() * log_loss(probabilities, targets, weights) + 5 * log_temperature**2
        )

    limit = np.log(4)
    return float(np.exp(minimize_scalar(cost, bounds=(-limit, limit), method="bounded").x))


def calibration_error(probabilities: np.ndarray, targets: np.ndarray, n_bins: int = 10) -> float:
    """Expected calibration error of the top probability, in bins of equal count (0 = honest).

    targets  (n, k) true choices, or shares of votes, of each row of probabilities (n, k)
    """
    if len(probabilities) == 0:
        raise ValueError("0 faces were given, expected at least 1 to measure calibration on")
    best = probabilities.argmax(axis=1)
    top = probabilities.max(axis=1)
    is_right = targets[np.arange(len(targets)), best]
    bins = np.array_split(np.argsort(top, kind="stable"), min(n_bins, len(top)))
    return float(sum(len(b) * abs(top[b].mean() - is_right[b].mean()) for b in bins) / len(top))

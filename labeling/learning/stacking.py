"""People's posterior and the model's word in one belief, weighed as settled faces teach.

Using the model as the prior of EM made labels worse and overconfident in simulation; stacking keeps
the two apart and learns on faces of known answer how much each is worth. Wolpert 1992.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from labeling.learning.calibration import TINY, softmax

# Weights of the two log-probabilities before any face is settled, and how many faces that is worth.
PEOPLE, MODEL, PRIOR_FACES = 0.9, 0.6, 20.0
LEAST_FACES = 20
# How far the model may move what people said, in nats: further than one vote, not than two.
MODEL_LIMIT = 2.5


@dataclass(frozen=True)
class Stack:
    """Belief = softmax(people * log posterior + model * log probability), from n_faces."""

    people: float = PEOPLE
    model: float = MODEL
    n_faces: int = 0

    def believe(self, posterior: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Calibrated belief (n, k) from people's posterior and the model's word, (n, k) each."""
        people = np.log(np.maximum(posterior, TINY))
        return softmax(self.people * people + _bounded(self.model, probabilities))


def _bounded(weight: float, probabilities: np.ndarray) -> np.ndarray:
    """The model's evidence (n, k) in nats, within the limit between any two choices."""
    evidence = weight * np.log(np.maximum(probabilities, TINY))
    return np.maximum(evidence - evidence.max(axis=1, keepdims=True), -MODEL_LIMIT)


def fit_stack(posterior: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> Stack:
    """The weights with the least log-loss on settled faces, drawn towards the usual ones.

    posterior      (n, k) what people's votes say, the last word left out
    probabilities  (n, k) what a model says that has not seen the face
    truth          (n,) the settled choice
    """
    n = len(truth)
    if n < LEAST_FACES:
        return Stack()
    people = np.log(np.maximum(posterior, TINY))
    usual = np.array([PEOPLE, MODEL])

    def cost(weights: np.ndarray) -> float:
        belief = softmax(weights[0] * people + _bounded(weights[1], probabilities))
        loss = -np.log(np.maximum(belief[np.arange(n), truth], TINY)).sum()
        return float(loss + PRIOR_FACES * ((weights - usual) ** 2).sum() / 2)

    found = minimize(cost, usual, bounds=[(0.05, 3.0), (0.0, 3.0)], method="L-BFGS-B").x
    return Stack(float(found[0]), float(found[1]), n)


def sharpen(probabilities: np.ndarray, power: float) -> np.ndarray:
    """Probabilities (n, k) to a power, summing to one again."""
    return softmax(power * np.log(np.maximum(probabilities, TINY)))


def sharpness(probabilities: np.ndarray, likelihood: np.ndarray) -> float:
    """The power of a model's probabilities at which they explain the votes best, 0.3..4.

    A model that learns from votes with errors in them is as unsure as the votes; what is wanted is
    how sure it may be of the truth behind them. So its word is judged through the annotators'
    confusions: by the chance of the votes, summed over the choices.

    probabilities  (n, k) what a model says that has not seen the face
    likelihood     (n, k) of the face's votes by choice
    """

    def cost(log_power: float) -> float:
        chance = (sharpen(probabilities, np.exp(log_power)) * likelihood).sum(axis=1)
        return float(-np.log(np.maximum(chance, TINY)).sum() + 5 * log_power**2)

    low, high = np.log(0.3), np.log(4.0)
    return float(np.exp(minimize_scalar(cost, bounds=(low, high), method="bounded").x))

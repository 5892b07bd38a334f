"""A calibrated, mirror-tied softmax classifier: p(left | face) = p(right | mirrored face)."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from labeling.learning.calibration import (
    TINY,
    calibration_error,
    fit_temperature,
    log_loss,
    softmax,
)

FORMAT = "penumbra-classifier-1"
# Strength of the pull towards zero; the one with the least held-out log-loss is taken.
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
FOLDS = 5
# Past this many faces the best ridge hardly moves: it is looked for on a sample.
MOST_FOR_RIDGE = 4000


@dataclass(frozen=True)
class LightClassifier:
    """weights (k, d) on features minus mean (d,) over spread (d,); bias (k,); temperature."""

    weights: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    temperature: float
    card: dict[str, Any] = field(default_factory=dict)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Calibrated probabilities (n, k) of faces with features (n, d)."""
        return softmax(self.scores(features) / self.temperature)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Log-probabilities (n, k) up to a constant per face, before calibration."""
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"features are {features.shape}, expected (n, {len(self.mean)})")
        scaled = (np.asarray(features, dtype=np.float64) - self.mean) / self.spread
        return scaled @ self.weights.T + self.bias

    def to_bytes(self) -> bytes:
        """The classifier as safetensors with its card; `from_bytes` reads it back."""
        arrays = {
            "weights": self.weights,
            "bias": self.bias,
            "mean": self.mean,
            "spread": self.spread,
            "temperature": np.array([self.temperature]),
        }
        whole = {name: np.ascontiguousarray(a, dtype=np.float64) for name, a in arrays.items()}
        # One entry: safetensors writes several in an order of chance.
        label = json.dumps({"format": FORMAT, "card": self.card}, sort_keys=True)
        return bytes(save(whole, {"label": label}))

    @staticmethod
    def from_bytes(content: bytes, *, feature_version: str | None = None) -> "LightClassifier":
        """Read what `to_bytes` wrote; ValueError for another format or another feature version."""
        try:
            arrays = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"these {len(content)} bytes are no classifier: {error}") from error
        written = json.loads(header.get("__metadata__", {}).get("label", "{}"))
        if written.get("format") != FORMAT:
            raise ValueError(f"the format is {written.get('format')!r}, expected {FORMAT!r}")
        card = written["card"]
        found = card.get("feature_version")
        if feature_version is not None and found != feature_version:
            raise ValueError(
                f"the classifier reads features {found!r}, expected {feature_version!r}"
            )
        temperature = float(arrays.pop("temperature")[0])
        return LightClassifier(**arrays, temperature=temperature, card=card)


@dataclass(frozen=True)
class Training:
    """A classifier, and what classifiers that had not seen a face said of it: held_out (n, k)."""

    classifier: LightClassifier
    held_out: np.ndarray


def fit(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    mirror_of: np.ndarray,
    signs: np.ndarray,
    weights: np.ndarray | None = None,
    identities: np.ndarray | None = None,
    ridge: float | None = None,
    seed: int = 0,
    card: dict[str, Any] | None = None,
) -> Training:
    """Train on faces with (soft) answers.

    features    (n, d)
    targets     (n, k) probabilities per face
    mirror_of   (k,) which choice the mirrored face has
    signs       (d,) what mirroring does to each feature: -1 or 1
    weights     (n,) how much each face counts; default 1
    identities  (n,) faces of one person never lie on both sides of a fold; -1 = unknown
    ridge       strength of the pull towards zero; None: the one with the least held-out log-loss
    card        kept with the classifier, beside the held-out figures
    raises      ValueError for shapes that do not fit or a mirror that is no involution
    """
    features = np.asarray(features, dtype=np.float64)
    targets = np.asarray(targets, dtype=np.float64)
    n, k = targets.shape
    if features.shape != (n, len(signs)) or n < 2:
        raise ValueError(
            f"features are {features.shape}, expected ({n}, {len(signs)}) and at least 2 faces"
        )
    choices = np.arange(k)
    if sorted(mirror_of) != list(choices) or (mirror_of[mirror_of] != choices).any():
        raise ValueError(f"mirror_of is {mirror_of.tolist()}, expected pairs among 0..{k - 1}")
    weights = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    mean, spread = _scale(features, signs)
    problem = _Problem((features - mean) / spread, targets, weights, mirror_of, signs)
    folds = _folds(n, identities, seed)
    # Thousands of small products: on a busy machine a second thread waits more than it works.
    with threadpool_limits(1):
        ridge = _best_ridge(problem, folds, seed) if ridge is None else ridge
        held_out = problem.cross_fit(folds, ridge)
        whole = problem.solve(np.arange(n), ridge)
    temperature = fit_temperature(held_out, targets, weights)
    honest = softmax(held_out / temperature)
    chosen = targets.argmax(axis=1)
    figures = {
        "n_faces": n,
        "accuracy": float(np.average(honest.argmax(axis=1) == chosen, weights=weights)),
        "log_loss": log_loss(honest, targets, weights),
        "ece": calibration_error(honest, targets),
        "ridge": ridge,
        "temperature": temperature,
    }
    classifier = LightClassifier(
        whole[:, :-1], whole[:, -1], mean, spread, temperature, {**(card or {}), **figures}
    )
    return Training(classifier, honest)


def _scale(features: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread over the faces and their mirror images."""
    mean = np.where(signs < 0, 0.0, features.mean(axis=0))
    spread = np.sqrt(((features - mean) ** 2).mean(axis=0))
    return mean, np.maximum(spread, 1e-6)


def _folds(n: int, identities: np.ndarray | None, seed: int) -> np.ndarray:
    """A fold (n,) for each face; people stay whole."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n)
    if identities is not None:
        known = identities >= 0
        groups = np.where(known, identities, identities.max(initial=0) + 1 + groups)
    _, group = np.unique(groups, return_inverse=True)
    return (rng.permutation(group.max() + 1) % FOLDS)[group]


@dataclass(frozen=True)
class _Problem:
    x: np.ndarray  # (n, d) scaled
    targets: np.ndarray
    weights: np.ndarray
    mirror_of: np.ndarray
    signs: np.ndarray

    def tied(self, free: np.ndarray) -> np.ndarray:
        """The nearest (k, d + 1) weights and bias for which mirroring swaps the choices."""
        flips = np.append(self.signs, 1.0)
        return (free + free[self.mirror_of] * flips) / 2

    def solve(self, rows: np.ndarray, ridge: float) -> np.ndarray:
        """Tied weights and bias (k, d + 1) of least penalised cross-entropy on these rows."""
        x = np.column_stack([self.x[rows], np.ones(len(rows))])
        y, w = self.targets[rows], self.weights[rows]
        k, d = y.shape[1], x.shape[1]
        penalty = np.append(np.full(d - 1, ridge), 0.1)

        def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
            tied = self.tied(flat.reshape(k, d))
            p = softmax(x @ tied.T)
            loss = -(w * (y * np.log(np.maximum(p, TINY))).sum(axis=1)).sum()
            loss += 0.5 * (penalty * tied**2).sum()
            slope = (w[:, None] * (p - y)).T @ x + penalty * tied
            # Tying is a projection: its own transpose carries the slope back.
            return loss, self.tied(slope).ravel()

        found = minimize(
            cost, np.zeros(k * d), jac=True, method="L-BFGS-B", options={"maxiter": 300}
        )
        return self.tied(found.x.reshape(k, d))

    def cross_fit(self, folds: np.ndarray, ridge: float) -> np.ndarray:
        """Scores (n, k), each by a classifier that had not seen the face's fold."""
        scores = np.zeros(self.targets.shape)
        for fold in np.unique(folds):
            held = folds == fold
            seen = self.solve(np.flatnonzero(~held), ridge)
            scores[held] = self.x[held] @ seen[:, :-1].T + seen[:, -1]
        return scores


def _best_ridge(problem: _Problem, folds: np.ndarray, seed: int) -> float:
    n = len(folds)
    rows = np.arange(n)
    if n > MOST_FOR_RIDGE:
        rows = np.random.default_rng(seed).choice(n, MOST_FOR_RIDGE, replace=False)
    part = _Problem(
        problem.x[rows],
        problem.targets[rows],
        problem.weights[rows],
        problem.mirror_of,
        problem.signs,
    )

    def held_out_loss(ridge: float) -> float:
        p = softmax(part.cross_fit(folds[rows], ridge))
        return log_loss(p, part.targets, part.weights)

    return min(RIDGES, key=held_out_loss)

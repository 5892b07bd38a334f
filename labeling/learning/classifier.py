"""A calibrated, mirror-tied softmax classifier: p(left | face) = p(right | mirrored face)."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from labeling.learning.calibration import TINY, fit_temperature, log_loss, softmax
from labeling.learning.scoring import judge

FORMAT = "penumbra-classifier-2"
# Strength of the pull towards zero, or towards what is known before; the one with the least
# held-out log-loss is taken.
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
RIDGES_TO_PRIOR = (0.3, 3.0, 30.0, 300.0, 3000.0, 30000.0)
# How firmly the prior's own scale is held: votes more cautious or bolder than it may change that.
HOLD_SCALE = 1.0
# Features further off than so many spreads count as so many: one odd number decides nothing.
FARTHEST = 6.0
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
        return _scaled(features, self.mean, self.spread) @ self.weights.T + self.bias

    def calibrated(self) -> np.ndarray:
        """Weights and bias (k, d + 1) whose softmax is what `predict` gives."""
        return np.column_stack([self.weights, self.bias]) / self.temperature

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
    prior: LightClassifier | None = None,
    yaw: np.ndarray | None = None,
    seed: int = 0,
    card: dict[str, Any] | None = None,
    shares_spread: bool = False,
) -> Training:
    """Train on faces with (soft) answers.

    features    (n, d)
    targets     (n, k) probabilities per face
    mirror_of   (k,) which choice the mirrored face has
    signs       (d,) what mirroring does to each feature: -1 or 1
    weights     (n,) how much each face counts; default 1
    identities  (n,) faces of one person never lie on both sides of a fold; -1 = unknown
    ridge       strength of the pull towards zero; None: the one with the least held-out log-loss
    prior       what is known before the first answer: few answers bend it, many replace it
    yaw         (n,) degrees, for the card only
    shares_spread  the features' own sizes say how much they matter: one spread for all of them
    card        kept with the classifier, beside the held-out figures of scoring.judge
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
    mean, spread = _scale(features, signs) if prior is None else (prior.mean, prior.spread)
    if shares_spread and prior is None:
        spread = np.full_like(spread, np.sqrt((spread**2).mean()))
    problem = _Problem(
        np.column_stack([_scaled(features, mean, spread), np.ones(n)]),
        targets,
        weights,
        mirror_of,
        signs,
        None if prior is None else prior.calibrated(),
    )
    folds = _folds(n, identities, seed)
    # Thousands of small products: on a busy machine a second thread waits more than it works.
    with threadpool_limits(1):
        ridge = _best_ridge(problem, folds, seed) if ridge is None else ridge
        held_out = problem.cross_fit(folds, ridge)
        whole = problem.solve(np.arange(n), ridge)
    temperature = fit_temperature(held_out, targets, weights)
    honest = softmax(held_out / temperature)
    figures = {
        "n_faces": n,
        "ridge": ridge,
        "temperature": temperature,
        **judge(honest, targets, weights=weights, groups=identities, yaw=yaw, seed=seed),
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


def _scaled(features: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    scaled = (np.asarray(features, dtype=np.float64) - mean) / spread
    return np.clip(scaled, -FARTHEST, FARTHEST)


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
    """x (n, d + 1) scaled, its last column ones; known (k, d + 1): the prior's weights and bias."""

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    mirror_of: np.ndarray
    signs: np.ndarray
    known: np.ndarray | None

    def tied(self, free: np.ndarray) -> np.ndarray:
        """The nearest (k, d + 1) weights and bias for which mirroring swaps the choices."""
        flips = np.append(self.signs, 1.0)
        return (free + free[self.mirror_of] * flips) / 2

    def solve(self, rows: np.ndarray, ridge: float) -> np.ndarray:
        """Tied weights and bias (k, d + 1) of least penalised cross-entropy on these rows.

        With a prior they are scale * known + own, and the penalty is on own and on scale - 1.
        """
        return self.weighed(self.least(rows, ridge, None))

    def weighed(self, found: np.ndarray) -> np.ndarray:
        """The weights and bias (k, d + 1) that `least` stands for."""
        own = self.tied(found[:-1].reshape(self.targets.shape[1], -1))
        return own if self.known is None else found[-1] * self.known + own

    def least(
        self, rows: np.ndarray, ridge: float, start: np.ndarray | None, *, nearly: bool = False
    ) -> np.ndarray:
        """Own weights and the prior's scale in one row of numbers, looked for from `start` on.

        nearly  to three digits of the loss, which is enough to choose a ridge by
        """
        x, y, w = self.x[rows], self.targets[rows], self.weights[rows]
        k, d = y.shape[1], x.shape[1]
        penalty = np.append(np.full(d - 1, ridge), 0.1)
        known = np.zeros((k, d)) if self.known is None else self.known
        before = x @ known.T

        def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
            own, scale = self.tied(flat[:-1].reshape(k, d)), flat[-1]
            p = softmax(x @ own.T + scale * before)
            loss = -(w * (y * np.log(np.maximum(p, TINY))).sum(axis=1)).sum()
            loss += 0.5 * (penalty * own**2).sum() + 0.5 * HOLD_SCALE * (scale - 1) ** 2
            off = w[:, None] * (p - y)
            # Tying is a projection: its own transpose carries the slope back.
            slope = self.tied(off.T @ x + penalty * own).ravel()
            return loss, np.append(slope, (off * before).sum() + HOLD_SCALE * (scale - 1))

        start = np.append(np.zeros(k * d), 1.0) if start is None else start
        options = {"maxiter": 300, "ftol": 1e-5 if nearly else 2e-9}
        return np.asarray(minimize(cost, start, jac=True, method="L-BFGS-B", options=options).x)

    def cross_fit(
        self, folds: np.ndarray, ridge: float, found: dict[int, np.ndarray] | None = None
    ) -> np.ndarray:
        """Scores (n, k), each by a classifier that had not seen the face's fold.

        found  what was nearly found for each fold at another ridge: where to start from, replaced
        """
        scores, nearly = np.zeros(self.targets.shape), found is not None
        starts = {} if found is None else found
        for fold in np.unique(folds):
            held = folds == fold
            rows, start = np.flatnonzero(~held), starts.get(fold)
            starts[fold] = self.least(rows, ridge, start, nearly=nearly)
            scores[held] = self.x[held] @ self.weighed(starts[fold]).T
        return scores


def _best_ridge(problem: _Problem, folds: np.ndarray, seed: int) -> float:
    n = len(folds)
    rows = np.arange(n)
    if n > MOST_FOR_RIDGE:
        rows = np.random.default_rng(seed).choice(n, MOST_FOR_RIDGE, replace=False)
    part = replace(
        problem, x=problem.x[rows], targets=problem.targets[rows], weights=problem.weights[rows]
    )

    found: dict[int, np.ndarray] = {}

    def held_out_loss(ridge: float) -> float:
        # From the strongest pull on, each search begins where the one before ended.
        p = softmax(part.cross_fit(folds[rows], ridge, found))
        return log_loss(p, part.targets, part.weights)

    ridges = RIDGES if problem.known is None else RIDGES_TO_PRIOR
    return min(sorted(ridges, reverse=True), key=held_out_loss)

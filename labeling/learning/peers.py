"""scikit-activeml's strategies beside ours, where that package is installed."""

from typing import Any

import numpy as np

from labeling.learning.replay import State, Strategy, by_lot


def peers() -> dict[str, Strategy]:
    """BADGE (Ash 2020) and TypiClust (Hacohen 2022); empty without scikit-activeml."""
    try:
        import skactiveml  # noqa: F401
    except ImportError:
        return {}
    return {"badge": badge, "typiclust": typiclust}


def badge(state: State, size: int) -> np.ndarray:
    """Diverse faces by the gradient they would give; by lot before there is a classifier."""
    from skactiveml.pool import Badge

    if state.probabilities is None:
        return by_lot(state, size)
    query = Badge(random_state=_seed(state))
    return np.asarray(
        query.query(
            X=state.pool.vectors,
            y=_answers(state),
            clf=_as_classifier(state),
            fit_clf=False,
            batch_size=size,
        )
    )


def typiclust(state: State, size: int) -> np.ndarray:
    """The most typical face of each cluster that has no answer yet."""
    from skactiveml.pool import TypiClust

    query = TypiClust(random_state=_seed(state))
    return np.asarray(query.query(X=state.pool.vectors, y=_answers(state), batch_size=size))


def _seed(state: State) -> int:
    return int(state.rng.integers(2**31 - 1))


def _answers(state: State) -> np.ndarray:
    """The first sure answer of each face; nan where there is none."""
    answers = np.full(len(state.pool.truth), np.nan)
    k = len(state.pool.mirror_of)
    for row, _, said in state.votes:
        # A face answered "can't tell" has been asked all the same: it must not come again.
        answers[row] = said if said < k else 0
    return answers


def _as_classifier(state: State) -> Any:
    """Our classifier's word in the clothes that scikit-activeml expects."""
    from skactiveml.base import SkactivemlClassifier

    rows = {vector.tobytes(): row for row, vector in enumerate(state.pool.vectors)}
    said = state.probabilities

    class Ours(SkactivemlClassifier):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Ours":
            self._validate_data(X, y, sample_weight)
            return self

        def predict_proba(self, X: Any) -> np.ndarray:
            assert said is not None
            whole = np.ascontiguousarray(X)
            return said[[rows[vector.tobytes()] for vector in whole]]

    classes = list(range(len(state.pool.mirror_of)))
    classifier = Ours(classes=classes, missing_label=np.nan, cost_matrix=None, random_state=0)
    return classifier.fit(state.pool.vectors, _answers(state))

"""How alike one person's faces are, and two people's: what a cosine between two faces is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pairs are compared with pairs whose heads differ as much in yaw, in degrees.
BAND_EDGES = (0.0, 10.0, 20.0, 30.0, 45.0, 180.0)
QUANTILES = tuple(np.linspace(0, 1, 21).round(2).tolist())
FEWEST_PAIRS = 20
MOST_PAIRS = 60_000
RESAMPLES = 200


@dataclass(frozen=True)
class Band:
    """Cosines of pairs whose yaws differ by yaw_min..yaw_max: quantiles 0, .05, .. 1 of each."""

    yaw_min: float
    yaw_max: float
    n_same: int
    n_different: int
    same: tuple[float, ...]
    different: tuple[float, ...]


@dataclass(frozen=True)
class Likeness:
    """How well a measure of identity tells pairs of one person from pairs of two, on people it
    never saw.

    auc       the chance that a pair of one person is more alike than a pair of two; interval 95%,
              by drawing the people again
    eer       the error at the cosine `threshold` where both kinds of error are equally frequent
    """

    n_faces: int
    n_people: int
    auc: float
    auc_interval: tuple[float, float]
    eer: float
    threshold: float
    bands: tuple[Band, ...]

    @classmethod
    def unmeasured(cls) -> Likeness:
        return cls(0, 0, np.nan, (np.nan, np.nan), np.nan, np.nan, ())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Likeness:
        bands = [
            Band(**{**band, "same": tuple(band["same"]), "different": tuple(band["different"])})
            for band in content["bands"]
        ]
        interval = tuple(content["auc_interval"])
        return cls(**{**content, "auc_interval": interval, "bands": tuple(bands)})

    def band(self, yaw_difference: float) -> Band | None:
        """The pairs that differ in yaw as much; the nearest band where none does."""
        middle = sorted(
            self.bands,
            key=lambda band: max(
                band.yaw_min - abs(yaw_difference), abs(yaw_difference) - band.yaw_max, 0.0
            ),
        )
        return middle[0] if middle else None

    def standing(self, cosine: float, yaw_difference: float) -> dict[str, float] | None:
        """Where a cosine lies among pairs of this yaw difference.

        above_strangers  share of pairs of two people that are less alike
        below_same       share of pairs of one person that are more alike
        same, different  the medians
        """
        band = self.band(yaw_difference)
        if band is None:
            return None
        middle = len(QUANTILES) // 2
        return {
            "same": band.same[middle],
            "different": band.different[middle],
            "above_strangers": float(np.interp(cosine, band.different, QUANTILES)),
            "below_same": 1 - float(np.interp(cosine, band.same, QUANTILES)),
        }


def measure_likeness(
    vectors: NDArray[np.floating],
    people: NDArray[np.integer],
    yaw_degrees: NDArray[np.floating],
    *,
    seed: int = 0,
) -> Likeness:
    """Compare pairs of faces: unit vectors (n, d) of people (n,) looking at yaw_degrees (n,).

    raises  ValueError unless two people have two faces each
    """
    draw = np.random.default_rng(seed)
    _, who = np.unique(people, return_inverse=True)
    a, b = _pairs(who, draw)
    same = who[a] == who[b]
    if not same.any() or same.all() or len(np.unique(who[a][same])) < 2:
        raise ValueError("Likeness needs two faces each of two people or more.")
    cosine = np.einsum("nd,nd->n", vectors[a], vectors[b])
    apart = np.abs(np.asarray(yaw_degrees)[a] - np.asarray(yaw_degrees)[b])
    order = np.argsort(cosine)
    is_same = same[order]

    def auc(weight: NDArray[np.float64]) -> float:
        # A pair of two people counts as often as both were drawn.
        w = (weight[who[a]] * np.where(same, 1.0, weight[who[b]]))[order]
        below = np.cumsum(np.where(is_same, 0.0, w))
        return float((below * w)[is_same].sum() / (below[-1] * w[is_same].sum()))

    n_people = who.max() + 1
    again = [
        auc(np.bincount(draw.integers(0, n_people, n_people), minlength=n_people).astype(float))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(again, [0.025, 0.975])
    missed = np.cumsum(is_same) / same.sum()
    taken = 1 - np.cumsum(~is_same) / (~same).sum()
    at = int(np.argmin(np.abs(missed - taken)))
    return Likeness(
        n_faces=len(who),
        n_people=int(n_people),
        auc=auc(np.ones(n_people)),
        auc_interval=(float(low), float(high)),
        eer=float(missed[at] + taken[at]) / 2,
        threshold=float(cosine[order][at]),
        bands=tuple(_bands(cosine, same, apart)),
    )


def _bands(
    cosine: NDArray[np.floating], same: NDArray[np.bool_], apart: NDArray[np.floating]
) -> list[Band]:
    found = []
    for low, high in pairwise(BAND_EDGES):
        inside = (apart >= low) & (apart < high)
        kinds = [cosine[inside & same], cosine[inside & ~same]]
        if min(map(len, kinds)) >= FEWEST_PAIRS:
            of_same, of_two = (tuple(np.quantile(c, QUANTILES).round(4).tolist()) for c in kinds)
            found.append(Band(low, high, len(kinds[0]), len(kinds[1]), of_same, of_two))
    return found


def _pairs(
    who: NDArray[np.integer], draw: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """All pairs of one person and as many random ones of two, at most MOST_PAIRS of each."""
    a, b = np.triu_indices(len(who), 1) if len(who) <= 3000 else _drawn(who, draw)
    same = who[a] == who[b]
    kept = []
    for rows in (np.flatnonzero(same), np.flatnonzero(~same)):
        kept.append(draw.permutation(rows)[:MOST_PAIRS])
    rows = np.concatenate(kept)
    return a[rows], b[rows]


def _drawn(
    who: NDArray[np.integer], draw: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    # Too many faces for all pairs: neighbours in an order by person, and pairs at random.
    order = np.argsort(who, kind="stable")
    steps = [(order[:-k], order[k:]) for k in range(1, 8)]
    one, two = (np.concatenate(side) for side in zip(*steps, strict=True))
    own = who[one] == who[two]
    a, b = draw.integers(0, len(who), (2, 2 * MOST_PAIRS))
    other = who[a] != who[b]
    return np.concatenate([one[own], a[other]]), np.concatenate([two[own], b[other]])

"""Which faces a direction is fitted on: a filter's own, and where a bin runs thin, the next best.

The ladder of a thin bin: the filter as it is; its attributes given up one by one, the last named
first; mirrored faces, whose light comes from the other side; left out. The light is never given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import bins_of, equal_counts
from editing.filters import FaceFilter
from editing.models import Direction
from editing.recipes import FitRecipe
from editing.runs.loading import is_set_apart
from editing.store import LatentStore
from labeling.errors import Refused
from labeling.models import Campaign, Consensus, Face, ReleasedLabel

FEWEST_IN_A_BIN = 2
NEAR_FRONTAL = 10.0
EXACT, MIRRORED, LEFT_OUT = "exact", "mirrored", "left out"


@dataclass(frozen=True)
class Faces:
    """Columns, one entry per face: what choosing and weighing need to know of it.

    yaw          degrees; of the mirror image where is_mirrored
    attributes   bits as in Face; -1 where they are not known
    light        P(right) - P(left); the mirror image's where is_mirrored; NaN where not known
    choice       the campaign's value, "" where none is known; the face's own, also where mirrored
    """

    id: NDArray[np.int64]
    yaw: NDArray[np.float64]
    identity: NDArray[np.int64]
    split: NDArray[np.int64]
    attributes: NDArray[np.int64]
    light: NDArray[np.float64]
    choice: NDArray[np.str_]
    is_mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.id)

    def of(self, rows: NDArray[Any]) -> "Faces":
        return Faces(*(getattr(self, field.name)[rows] for field in fields(self)))

    def mirrored(self) -> "Faces":
        return replace(self, yaw=-self.yaw, light=-self.light, is_mirrored=np.full(len(self), True))

    def and_(self, others: "Faces") -> "Faces":
        both = (
            np.concatenate([getattr(self, field.name), getattr(others, field.name)])
            for field in fields(self)
        )
        return Faces(*both)


@dataclass(frozen=True)
class Chosen:
    """The faces to fit on, those of other people to measure with, and what each bin holds."""

    used: Faces
    held_out: Faces
    edges: list[float]
    bins: list[dict[str, Any]]
    n_without_latent: int
    n_without_light: int


class Pool:
    """The faces that some rung of the ladder may use, and who passes which rung."""

    def __init__(self, job: Direction, face_filter: FaceFilter) -> None:
        self.filter = face_filter
        self.campaign = face_filter.labels_campaign()
        self.mirror_of = {
            choice["value"]: choice["mirror"]
            for choice in (self.campaign.choices if self.campaign else [])
        }
        self.names = job.dataset.attribute_names
        wanted = face_filter.consensus
        either = tuple(dict.fromkeys([*wanted, *(self.mirror_of.get(v, v) for v in wanted)]))
        # Yaw is looked at here: a mirrored face has the other sign.
        wide = replace(face_filter, attributes=(), yaw_min=None, yaw_max=None, consensus=either)
        face_filter.faces()  # refuses attributes that are unknown, before they are given up
        rows = wide.faces().filter(dataset=job.dataset, yaw_degrees__isnull=False).order_by("id")
        self.faces = _columns(
            rows.values_list("id", "yaw_degrees", "identity", "split", "attributes"),
            labels_of(self.campaign, face_filter.release),
            self.campaign,
        )

    def passes(self, faces: Faces, attributes: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these faces pass the filter with these attributes only; their light counts."""
        found = np.full(len(faces), True)
        low, high = self.filter.yaw_min, self.filter.yaw_max
        if low is not None:
            found &= faces.yaw >= low
        if high is not None:
            found &= faces.yaw < high
        for text in attributes:
            bit = faces.attributes >> self.names.index(text.removeprefix("-")) & 1
            found &= (faces.attributes >= 0) & (bit == (not text.startswith("-")))
        if wanted := self.filter.consensus:
            meant = np.array([self.mirror_of.get(v, v) for v in wanted])
            mine = np.isin(faces.choice, np.array(wanted))
            found &= np.where(faces.is_mirrored, np.isin(faces.choice, meant), mine)
        return found

    def rungs(self) -> list[tuple[str, tuple[str, ...]]]:
        """The rungs before the mirror: a name, and the attributes that are still asked for."""
        given = self.filter.attributes
        found: list[tuple[str, tuple[str, ...]]] = [(EXACT, given)]
        for n in range(len(given) - 1, 0, -1):
            found.append((f"without {', '.join(given[n:])}", given[:n]))
        if given:
            found.append(("only the light" if self.filter.consensus else "no attributes", ()))
        return found


def choose(
    job: Direction,
    face_filter: FaceFilter,
    recipe: FitRecipe,
    store: LatentStore,
    *,
    can_mirror: bool,
    n_measured: int,
) -> Chosen:
    """Choose the faces of a fit, bin by bin.

    n_measured   near-frontal faces wanted to measure with, and as many others to check
    can_mirror   whether mirroring a latent gives the latent of the mirror image
    raises       Refused where the filter leaves nothing, or nothing that has a latent
    """
    if recipe.mirror and not can_mirror:
        raise Refused(
            "cannot_mirror",
            "The recipe mirrors faces, but a bottleneck's mirror image is not the bottleneck of the"
            " mirrored face; use a space of noisy faces, or leave mirror out.",
        )
    pool = Pool(job, face_filter)
    exact = pool.passes(pool.faces, face_filter.attributes)
    if not exact.any():
        raise Refused("no_faces", f"No face with a yaw passes the filter {job.filter!r}.")
    here = np.isin(pool.faces.id, list(store.present(pool.faces.id.tolist())))
    n_exact, n_here = int(exact.sum()), int((exact & here).sum())
    if not n_here:
        raise Refused(
            "not_embedded",
            f"None of the {n_exact} faces that pass has a latent in {job.space}; embed them.",
        )
    faces, exact = pool.faces.of(here), exact[here]
    is_apart = set_apart(faces, exact, n_measured)
    held_out = faces.of(exact & is_apart)
    candidates = faces.of(~is_apart)
    n_without_light = 0
    if "light" in recipe.subtract:
        known = np.isfinite(candidates.light)
        n_without_light = int((~known & exact[~is_apart]).sum())
        if not known.any():
            raise Refused("no_light", "The light is to be subtracted, but no face's is known.")
        candidates = candidates.of(known)
    edges = list(job.bins)
    if recipe.bin_rule == "count":
        edges = equal_counts(candidates.yaw[pool.passes(candidates, face_filter.attributes)], edges)
    used, bins = climb(pool, candidates, edges, recipe, can_mirror=can_mirror)
    return Chosen(used, held_out, edges, bins, n_exact - n_here, n_without_light)


def climb(
    pool: Pool, faces: Faces, edges: Sequence[float], recipe: FitRecipe, *, can_mirror: bool
) -> tuple[Faces, list[dict[str, Any]]]:
    """Per bin the first rung on which it holds `recipe.fewest` faces, else the fullest one.

    A bin with fewer than two faces on every rung is left out and says so.
    """
    both = faces.and_(faces.mirrored()) if can_mirror else faces
    at = bins_of(both.yaw, edges)
    rungs = [(name, pool.passes(both, attributes)) for name, attributes in pool.rungs()]
    if can_mirror and not recipe.mirror:
        last = rungs[-1][1]
        rungs = [(name, passing & ~both.is_mirrored) for name, passing in rungs]
        rungs.append((MIRRORED, last))
    counts = np.array(
        [np.bincount(at[passing & (at >= 0)], minlength=len(edges) - 1) for _, passing in rungs]
    )
    if not counts[0].any():
        raise Refused("no_faces", f"No face that may be fitted on has a yaw within {list(edges)}.")
    is_used = np.zeros(len(both), bool)
    bins = []
    for number, (low, high) in enumerate(pairwise(edges)):
        enough = np.flatnonzero(counts[:, number] >= recipe.fewest)
        rung = int(enough[0]) if len(enough) else int(counts[:, number].argmax())
        inside = rungs[rung][1] & (at == number)
        fits = counts[rung, number] >= FEWEST_IN_A_BIN
        is_used |= inside & fits
        told = _bin(low, high, both.of(inside), rungs[rung][0] if fits else LEFT_OUT)
        bins.append({**told, "n_exact": int(counts[0, number])})
    return both.of(is_used), bins


def _bin(low: float, high: float, faces: Faces, rung: str) -> dict[str, Any]:
    middle, used = (low + high) / 2, rung != LEFT_OUT
    return {
        "yaw_min": low,
        "yaw_max": high,
        "count": len(faces),
        "n_mirrored": int(faces.is_mirrored.sum()),
        "yaw": float(faces.yaw.mean()) if len(faces) else None,
        "side": "both" if low < 0 < high else "left" if middle < 0 else "right",
        "used": used,
        "rung": rung,
        "note": "" if used else "one face only" if len(faces) else "empty",
    }


def set_apart(faces: Faces, exact: NDArray[np.bool_], n_measured: int) -> NDArray[np.bool_]:
    """Whose faces are kept for measuring (n,): whole people, never parts of them.

    The dataset's own train split is fitted on where enough near-frontal faces lie outside it;
    else every sixth person is set apart.
    """
    outside = (faces.split >= 0) & (faces.split != Face.Split.TRAIN)
    apart = np.isin(faces.identity, faces.identity[outside])
    n_frontal = (apart & exact & (np.abs(faces.yaw) <= NEAR_FRONTAL)).sum()
    if n_frontal < 2 * n_measured or apart[exact].all():
        people, which = np.unique(faces.identity, return_inverse=True)
        apart = np.array([is_set_apart(int(person)) for person in people])[which]
    return apart


def labels_of(
    campaign: Campaign | None, release: int | None
) -> dict[int, tuple[str, Sequence[float]]]:
    """Per face what is believed of its light: (choice, probabilities)."""
    if campaign is None:
        return {}
    labels: Any = Consensus.objects.filter(campaign=campaign)
    if release is not None:
        labels = ReleasedLabel.objects.filter(release_id=release)
    rows = labels.values_list("face_id", "choice", "probabilities")
    return {face_id: (choice, p) for face_id, choice, p in rows}


def coordinate(campaign: Campaign | None, probabilities: Sequence[float] | None) -> float:
    """P(right) - P(left), or what a campaign of other choices has for it: NaN where none is known.

    The first choice whose mirror is another one stands for left.
    """
    if campaign is None or not probabilities:
        return float("nan")
    values = campaign.values
    for at, choice in enumerate(campaign.choices):
        if choice["mirror"] != choice["value"]:
            return float(probabilities[values.index(choice["mirror"])] - probabilities[at])
    return float("nan")


def _columns(
    rows: Any, labels: dict[int, tuple[str, Sequence[float]]], campaign: Campaign | None
) -> Faces:
    found = list(rows)
    ids = [row[0] for row in found]
    told = [labels.get(face_id, ("", None)) for face_id in ids]
    return Faces(
        id=np.array(ids, np.int64),
        yaw=np.array([row[1] for row in found], np.float64),
        # A face of nobody known is its own person; identities are never negative.
        identity=np.array([-row[0] if row[2] is None else row[2] for row in found], np.int64),
        split=np.array([-1 if row[3] is None else row[3] for row in found], np.int64),
        attributes=np.array([-1 if row[4] is None else row[4] for row in found], np.int64),
        light=np.array([coordinate(campaign, p) for _, p in told], np.float64),
        choice=np.array([choice for choice, _ in told], np.str_),
        is_mirrored=np.zeros(len(found), bool),
    )

"""One pass over the latents of chosen faces: the sums of a fit, and how it does on other people."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.intervals import Refits
from editing.engine.lines import SIDES, RotationFit, explained, side_of
from editing.engine.moments import Moments
from editing.runs.choosing import Faces
from editing.store import LatentStore

LIGHT = "light"
Tell = Callable[[float, str], None]


def beside_of(
    faces: Faces, names: Sequence[str], attribute_names: Sequence[str]
) -> NDArray[np.float64]:
    """What stands beside yaw (n, c): the light from -1 to 1, attributes as 0 or 1."""
    columns = [
        faces.light if name == LIGHT else faces.attributes >> attribute_names.index(name) & 1
        for name in names
    ]
    return np.column_stack(columns).astype(np.float64) if columns else np.empty((len(faces), 0))


def summed(
    store: LatentStore,
    faces: Faces,
    moments: Moments,
    *,
    refits: Refits | None = None,
    tones: NDArray[np.float64] | None = None,
    tell: Tell = lambda share, step: None,
) -> NDArray[np.float64]:
    """Fill the moments, and refits where given, in one pass over these faces' rows and no others.

    moments  of these faces; those that count nothing are not read
    tones    (t, d) rows that read a face's tone off its latent
    returns  the faces' tones (n, t); NaN where a face was not read
    """
    read = np.flatnonzero(moments.counts)
    found = np.full((len(faces), 0 if tones is None else len(tones)), np.nan)
    done = 0
    for latents, rows, positions in store.blocks(faces.id[read]):
        at = read[positions]
        moments.add(latents, rows, at)
        if refits is not None:
            refits.add(latents, rows, at)
        if tones is not None:
            found[at] = _read_off(latents, rows, tones)
        done += len(at)
        tell(done / len(read), "Summing clusters")
    return found


def judged(store: LatentStore, faces: Faces, fit: RotationFit) -> dict[str, dict[str, Any]]:
    """Per side how much of other people's latents the line explains, face by face.

    A face is mostly itself: a few percent is much. r2 is relative to these faces' own mean.
    """
    found = {}
    for side, sign in SIDES.items():
        line = getattr(fit, side)
        of = faces.of(side_of(faces.yaw, sign))
        if line is None or len(of) < 3:
            continue
        total, off = np.zeros(len(line.slope)), 0.0
        squares, yaw = np.zeros(len(of)), of.yaw
        for latents, rows, at in store.blocks(of.id):
            x = latents[rows].astype(np.float64)
            total += x.sum(axis=0)
            squares[at] = (x**2).sum(axis=1)
            off += float(((x - line.origin - yaw[at, None] * line.slope) ** 2).sum())
        whole = float(squares.sum() - (total**2).sum() / len(of))
        found[side] = {"r2": 1 - off / whole if whole > 0 else 0.0, "n_faces": len(of)}
    return found


def judged_centroids(
    store: LatentStore, faces: Faces, edges: Sequence[float], fit: RotationFit
) -> dict[str, float]:
    """Per side the share of the spread between other people's centroids that the line explains."""
    if not len(faces):
        return {}
    moments = Moments(edges, store_dimensions(store, faces), faces.yaw, is_joint=False)
    summed(store, faces, moments)
    clusters, found = moments.clusters(), {}
    for side, sign in SIDES.items():
        line = getattr(fit, side)
        of = side_of(clusters.yaw, sign)
        if line is None or of.sum() < 2:
            continue
        c, w = clusters.mean[of], clusters.weight[of]
        off = c - line.origin - clusters.yaw[of][:, None] * line.slope
        found[side] = explained(off, c - np.average(c, axis=0, weights=w), w)
    return found


def store_dimensions(store: LatentStore, faces: Faces) -> int:
    """How many numbers a latent of this space has."""
    chunk, _, _ = next(store.rows(faces.id[:1]))
    return chunk.dimensions


def _read_off(
    latents: NDArray[np.floating], rows: NDArray[np.integer], tones: NDArray[np.float64]
) -> NDArray[np.float64]:
    used = np.flatnonzero(tones.any(axis=0))
    return latents[np.ix_(rows, used)].astype(np.float64) @ tones[:, used].T

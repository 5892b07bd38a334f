"""Walk a face round: whose slopes it takes, and its frames as any other turn's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from editing.engine.neighbours import FEWEST, Neighbours
from editing.engine.rotation import with_residual
from editing.engine.walking import walk
from editing.models import Direction
from editing.runs.choosing import Faces
from editing.runs.keeping import stored_rows
from editing.runs.loading import draw, store_of
from editing.runs.turning import Frames, Loop, Source, Turner
from labeling.errors import Refused

# More faces than that make slopes no truer than the machine is slow: 200 MB of latents at 64x64.
MOST_FACES = 8000


def walked(
    turner: Turner,
    neighbours: Neighbours,
    source: Source,
    degrees: Sequence[float],
    loop: Loop,
    tell: Callable[[float], None] = lambda share: None,
) -> Frames:
    """The face walked to each of these degrees, by slopes of its neighbours instead of a line.

    loop  how frames are read
    """
    photo = source.photo.double()
    found = walk(
        source.photo,
        source.x_t,
        np.asarray(degrees, np.float64),
        neighbours,
        alpha_bar=float(turner.denoiser.alpha_bar[turner.grid[-1]]),
        generate=turner.pictures,
        read=loop.read,
        tell=tell,
    )
    reconstruction = turner.pictures(source.x_t[None])[0]
    x = with_residual(found.x, photo, reconstruction, degrees)
    x[torch.tensor([not wish for wish in degrees])] = photo  # nothing was lost of it
    sizes = found.x_t.flatten(1).norm(dim=1) / source.x_t.double().norm()
    return Frames(
        x, reconstruction, found.step, found.across, sizes.numpy(), found.is_short, found.strides
    )


def neighbours_of(direction: Direction) -> Neighbours:
    """The faces around which a walk fits its slopes, kept in memory until another direction's.

    Where the light of most is known, those of which it is not are left out.
    """
    return _loaded(direction.id, direction.attempt)


@lru_cache(1)
def _loaded(direction_id: int, attempt: int) -> Neighbours:
    direction = Direction.objects.select_related("generator", "dataset").get(id=direction_id)
    faces = _as_they_are(stored_rows(direction)[0])
    known = np.isfinite(faces.light)
    is_lit = bool(known.mean() >= 0.5)
    if is_lit:
        faces = faces.of(known)
    if len(faces) > MOST_FACES:
        drawn = np.argsort([draw(face) for face in faces.id.tolist()])[:MOST_FACES]
        faces = faces.of(np.sort(drawn))
    if len(faces) < FEWEST:
        raise Refused(
            "too_few_faces",
            f"A walk takes its slopes from {FEWEST:.0f} faces or more; "
            f"direction {direction.id} was fitted on {len(faces)}.",
        )
    size = direction.generator.image_size
    latents = np.empty((len(faces), 3, size, size), np.float16)
    flat = latents.reshape(len(faces), -1)
    for chunk, positions, rows in store_of(direction.generator, direction.space).rows(faces.id):
        flat[positions] = chunk.rows()[rows]
    return Neighbours(latents, faces.yaw, faces.light if is_lit else None)


def _as_they_are(faces: Faces) -> Faces:
    """Each face once and not mirrored: a walk mirrors all of them itself."""
    sign = np.where(faces.is_mirrored, -1.0, 1.0)
    _, first = np.unique(faces.id, return_index=True)
    return replace(faces, yaw=sign * faces.yaw, light=sign * faces.light).of(first)

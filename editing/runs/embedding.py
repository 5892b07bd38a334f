"""Find where faces lie in a generator's space, chunk by chunk, going on where it ended."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.ddim import generate, invert, time_grid
from editing.engine.denoiser import Denoiser
from editing.engine.images import to_tensor
from editing.filters import FaceFilter
from editing.models import Embedding
from editing.runs.loading import crops_of, denoiser_of, store_of
from labeling.errors import NotFound, Refused
from labeling.worker import Progress

CHUNK = 64
# Faces that are generated again from their latents as kept, to say what the embedding loses.
CHECKED = 16
NAMED = 20


def embed(job: Embedding, progress: Progress) -> None:
    """Keep the latent of each face that passes the job's filter and has none yet."""
    progress(0, "Loading the generator")
    denoiser = denoiser_of(job.generator)
    store = store_of(job.generator, job.space)
    faces = FaceFilter.parse(job.filter).faces().filter(dataset=job.dataset)
    face_ids = list(faces.order_by("id").values_list("id", flat=True))
    if not face_ids:
        raise Refused("no_faces", f"No face passes the filter {job.filter!r} any more.")
    remade = store.discard_damaged()
    done = store.present(face_ids)
    n_before = len(done)
    missing = [face_id for face_id in face_ids if face_id not in done]
    progress.ours.update(n_faces=len(face_ids), n_embedded=n_before)
    grid = time_grid(denoiser.alpha_bar, job.steps, job.timestep)
    unusable: dict[int, str] = {}
    started = time.monotonic()
    for at in range(0, len(missing), CHUNK):
        chunk, n_now = missing[at : at + CHUNK], len(done)

        def tell(step: int, steps: int, n_now: int = n_now, n: int = len(chunk)) -> None:
            reached = n_now + n * step / steps
            seconds = max(time.monotonic() - started, 1e-6)
            rate = (reached - n_before) / seconds
            progress(0.98 * reached / len(face_ids), f"Embedding, {rate:.1f} faces/s")

        usable, crops = _readable(chunk, denoiser.image_size, unusable)
        if usable:
            x_t = _inverted(denoiser, crops, grid, job.refinements, tell)
            store.write(usable, x_t)
            done |= set(usable)
            progress.ours.update(n_embedded=len(done))
    if not done:
        raise Refused("no_usable_face", f"No face could be read: {next(iter(unusable.values()))}")
    seconds = time.monotonic() - started
    progress(0.99, "Measuring what is lost")
    progress.ours.update(
        n_embedded=len(done),
        figures={
            "round_trip_mse": _round_trip(denoiser, store, sorted(done)[:CHECKED], grid),
            "faces_per_second": round((len(done) - n_before) / seconds, 3) if missing else None,
            "seconds": round(seconds, 2),
            "n_found_already": n_before,
            "n_unusable": len(unusable),
            "unusable": list(unusable.values())[:NAMED],
            "damaged_chunks_made_again": remade,
        },
    )


def _readable(
    face_ids: Sequence[int], size: int, unusable: dict[int, str]
) -> tuple[list[int], NDArray[np.uint8]]:
    """The crops of those faces whose file can be read; one bad file never stops the rest."""
    try:
        return list(face_ids), crops_of(face_ids, size)
    except (ValueError, NotFound):
        pass
    crops = dict(_one_by_one(face_ids, size, unusable))
    return list(crops), np.concatenate(
        [*crops.values()] or [np.empty((0, size, size, 3), np.uint8)]
    )


def _one_by_one(face_ids: Sequence[int], size: int, unusable: dict[int, str]) -> Iterator[Any]:
    for face_id in face_ids:
        try:
            yield face_id, crops_of([face_id], size)
        except (ValueError, NotFound) as error:
            unusable[face_id] = str(error)


def _inverted(
    denoiser: Denoiser, crops: NDArray[np.uint8], grid: Sequence[int], refinements: int, tell: Any
) -> NDArray[np.float64]:
    x_0 = to_tensor(crops).to(denoiser.device)
    x_t = invert(denoiser, x_0, grid, refinements, tell)
    return x_t.reshape(len(crops), -1).cpu().numpy()  # (n, c * h * w)


def _round_trip(
    denoiser: Denoiser, store: Any, face_ids: Sequence[int], grid: Sequence[int]
) -> float:
    """Mean squared error, on pictures in [-1, 1], of faces made again from latents as kept."""
    photos = to_tensor(crops_of(face_ids, denoiser.image_size)).double()
    x_t = torch.from_numpy(store.read(face_ids)).reshape(photos.shape).to(denoiser.device)
    made = generate(denoiser, x_t, grid).cpu()
    return float((made - photos).square().mean())

"""Find where faces lie in a generator's space, chunk by chunk, going on where it ended."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from editing import encoders
from editing.engine.denoiser import Denoiser
from editing.engine.encoder import load_encoder
from editing.engine.images import to_tensor
from editing.engine.spaces import Space, faces_at_once, round_trip
from editing.filters import FaceFilter
from editing.models import Embedding
from editing.runs.loading import crops_of, denoiser_of, number_type, store_of
from editing.runs.sharing import BLOCK, blocks, held
from editing.store import LatentStore
from labeling.errors import NotFound, Refused
from labeling.worker import Progress, Stopped

# Faces that are generated again from their latents as kept, to say what the embedding loses.
CHECKED = 16
NAMED = 20
LOOK_AGAIN_SECONDS = 0.5
WATCH_SECONDS = 1.0


def embed(job: Embedding, progress: Progress) -> None:
    """Keep the latent of each face that passes the job's filter and has none yet."""
    progress(0, "Loading the generator")
    work = Work.of(job)
    if not work.face_ids:
        raise Refused("no_faces", f"No face passes the filter {job.filter!r} any more.")
    remade = work.store.discard_damaged()
    n_before = len(work.store.present(work.face_ids))
    progress.ours.update(n_faces=len(work.face_ids), n_embedded=n_before)
    started = time.monotonic()

    def tell(n_done: float, waiting: bool) -> None:
        rate = (n_done - n_before) / max(time.monotonic() - started, 1e-6)
        step = "Waiting for another worker's faces" if waiting else "Embedding"
        progress(0.98 * n_done / len(work.face_ids), f"{step}, {rate:.1f} faces/s")

    def kept(n_done: int) -> None:
        progress.ours.update(n_embedded=n_done)

    work.through(tell, kept)
    done = sorted(work.store.present(work.face_ids))
    if not done:
        told = next(iter(work.unusable.values()))
        raise Refused("no_usable_face", f"No face could be read: {told}")
    seconds = time.monotonic() - started
    progress(0.99, "Measuring what is lost")
    n_new = len(done) - n_before
    progress.ours.update(
        n_embedded=len(done),
        figures={
            "round_trip_mse": _round_trip(work, done[:CHECKED]),
            "faces_per_second": round(n_new / seconds, 3) if n_new else None,
            "seconds": round(seconds, 2),
            "n_found_already": n_before,
            "n_unusable": len(work.unusable),
            "unusable": list(work.unusable.values())[:NAMED],
            "damaged_chunks_made_again": remade,
        },
    )


def join(job: Embedding, ring: Callable[[], None] = lambda: None) -> None:
    """Take blocks of an embedding that another worker leads, until none is free or it ends.

    ring   called once, when a block was free: there may be one for the next worker too
    """
    looked_at, has_rung = 0.0, False

    def watch(n_done: float, waiting: bool) -> None:
        nonlocal looked_at, has_rung
        # Whoever leads waits for what is held; who joined has nothing to wait for.
        if waiting:
            raise Stopped
        if not has_rung:
            has_rung = True
            ring()
        if time.monotonic() - looked_at < WATCH_SECONDS:
            return
        looked_at = time.monotonic()
        wanted = Embedding.objects.filter(id=job.id, cancel_requested=False)
        if not wanted.filter(status__in=["queued", "running"]).exists():
            raise Stopped

    with suppress(Stopped):
        Work.of(job).through(watch, lambda n_done: None)


def space_of(row: Embedding, denoiser: Denoiser) -> Space:
    """How the latents of an embedding's space are made."""
    encoder = None
    if row.method == Embedding.Method.ENCODER:
        record = encoders.in_space(row.generator, row.space)
        encoder = _loaded(str(record.folder), record.sha256, str(denoiser.device))
    return Space(
        timestep=row.timestep,
        steps=row.steps,
        refinements=row.refinements,
        kind=row.kind,
        gradient_steps=row.gradient_steps,
        encoder=encoder,
    )


@lru_cache(1)
def _loaded(folder: str, sha256: str, on: str) -> torch.nn.Module:
    encoder = load_encoder(folder, encoders.read(Path(folder)).told)
    return encoder.to(on, number_type(on)).to(memory_format=torch.channels_last)


@dataclass
class Work:
    """The faces of one embedding, and all that gives their latents."""

    denoiser: Denoiser
    store: LatentStore
    space: Space
    face_ids: list[int]
    unusable: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Embedding) -> "Work":
        denoiser = denoiser_of(job.generator)
        faces = FaceFilter.parse(job.filter).faces().filter(dataset=job.dataset)
        face_ids = list(faces.order_by("id").values_list("id", flat=True))
        store = store_of(job.generator, job.space)
        return cls(denoiser, store, space_of(job, denoiser), face_ids)

    def through(self, tell: Callable[[float, bool], None], kept: Callable[[int], None]) -> None:
        """Embed what has no latent, beside other workers that do the same.

        tell   called with the faces done, in parts, and whether all the rest is held by others
        kept   called with the faces done after each chunk that was kept
        """
        done = self.store.present(self.face_ids)
        todo = blocks([face_id for face_id in self.face_ids if face_id not in done])
        most = max(faces_at_once(self.denoiser), BLOCK)
        while todo:
            with held(self.store.space, todo, most) as ours:
                # What another worker kept before it let go is seen only now.
                done = self.store.present(self.face_ids)
                chunk = [i for block in ours for i in todo.pop(block) if i not in done]
                self._keep(chunk, len(done), tell)
            n_done = len(done) + len(chunk)
            kept(n_done)
            if not ours:
                tell(n_done, True)
                time.sleep(LOOK_AGAIN_SECONDS)

    def _keep(
        self, chunk: Sequence[int], n_before: int, tell: Callable[[float, bool], None]
    ) -> None:
        usable, crops = _readable(chunk, self.denoiser.image_size, self.unusable)
        if not usable:
            return
        at_once, found = faces_at_once(self.denoiser), []
        for at in range(0, len(usable), at_once):
            part = crops[at : at + at_once]

            def told(share: float, at: int = at, n: int = len(part)) -> None:
                tell(n_before + at + n * share, False)

            x_0 = to_tensor(part).to(self.denoiser.device)
            latents = self.space.latents(self.denoiser, x_0, told)
            told(1.0)
            found.append(latents.flatten(1).cpu().numpy())  # (n, c * h * w)
        self.store.write(usable, np.concatenate(found))


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


def _round_trip(work: Work, face_ids: Sequence[int]) -> float:
    photos = to_tensor(crops_of(face_ids, work.denoiser.image_size))
    if work.space.kind == "x_t":
        x_t = torch.from_numpy(work.store.read(face_ids)).reshape(photos.shape)
    else:
        # A bottleneck alone makes no picture: the x_t that it was taken from is measured.
        x_t = work.space.x_t(work.denoiser, photos.to(work.denoiser.device))
    return round_trip(work.denoiser, x_t, photos, work.space.grid(work.denoiser))

"""Latents on disk: immutable chunk files keyed by face, memory-mapped, and files written whole.

A chunk is a safetensors file (8 bytes of header length, JSON header, raw fp16 rows) whose header
carries the format's version, the space, the generator and the face ids of its rows. A chunk never
changes: two workers that write the same faces write the same file name, and either copy will do.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from editing.chunks import Chunk, Damaged, opened
from editing.places import LATENTS_VERSION


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers, also after a power cut, see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# Rows that are gathered before they are handed on: they fit a processor's second cache.
GATHERED = 64
# A chunk is mapped where at least one row in this many is wanted, and single rows read elsewhere.
MAPPED_FROM = 3


class LatentStore:
    """The latents of one space of one generator.

    folder         holds one folder per space
    space          see `places.space_key`
    generator_sha  of the generator whose latents these are; a chunk of another one is refused
    """

    def __init__(self, folder: Path, space: str, generator_sha: str) -> None:
        self.folder = Path(folder) / space
        self.space = space
        self.generator_sha = generator_sha
        self.damaged: dict[str, str] = {}
        self._chunks: dict[str, Chunk] = {}
        self._faces: set[int] = set()
        self._indexed: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None

    def write(self, face_ids: Sequence[int], latents: NDArray[np.floating]) -> Path:
        """Keep the latents (n, d) of these faces, as fp16.

        raises  ValueError for a count that differs, a face named twice, or numbers fp16 can't hold
        """
        if latents.ndim != 2 or len(latents) != len(face_ids) or not len(face_ids):
            raise ValueError(
                f"the latents have shape {latents.shape}; expected ({len(face_ids)}, d)"
            )
        if len(set(face_ids)) != len(face_ids):
            raise ValueError(f"{len(face_ids)} faces of which only {len(set(face_ids))} differ")
        halves = np.ascontiguousarray(latents, np.float16)
        if not np.isfinite(halves).all():
            bad = face_ids[int(np.argmin(np.isfinite(halves).all(axis=1)))]
            raise ValueError(f"the latent of face {bad} is not finite in fp16")
        ids = [int(face_id) for face_id in face_ids]
        header = {
            "format": f"penumbra-latents-{LATENTS_VERSION}",
            "space": self.space,
            "generator": self.generator_sha,
            "face_ids": json.dumps(ids),
        }
        name = (
            f"{min(ids)}-{max(ids)}-{hashlib.sha256(header['face_ids'].encode()).hexdigest()[:12]}"
        )
        path = self.folder / f"{name}.safetensors"
        write_whole(path, save({"latents": halves}, metadata=header))
        self._chunks.pop(path.name, None)
        return path

    def refresh(self) -> None:
        """See the chunks written since, by whomever; note the damaged ones in `damaged`.

        raises  ValueError, naming the file, for a chunk of another format, space or generator
        """
        names = {path.name for path in self.folder.glob("[!.]*.safetensors")}
        gone = self._chunks.keys() - names
        for name in gone:
            del self._chunks[name]
        self.damaged = {}
        fresh = names - self._chunks.keys()
        if not fresh and not gone:
            return
        for name in sorted(fresh):
            try:
                self._chunks[name] = opened(self.folder / name, self.space, self.generator_sha)
            except FileNotFoundError:
                continue  # another worker discarded it just now
            except Damaged as error:
                self.damaged[name] = str(error)
        self._faces = {i for chunk in self._chunks.values() for i in chunk.face_ids}
        self._indexed = None

    def present(self, face_ids: Sequence[int]) -> set[int]:
        """Those of the faces whose latent is here and whole."""
        self.refresh()
        return self._faces & set(face_ids)

    def discard_damaged(self) -> list[str]:
        """Remove damaged chunks, so that their faces are embedded again; returns what was wrong."""
        self.refresh()
        for name in self.damaged:
            # Chunks appear by rename only, so a short one is not one that is being written.
            (self.folder / name).unlink(missing_ok=True)
        told = [f"{name}: {reason}" for name, reason in self.damaged.items()]
        self.damaged = {}
        return told

    def read(self, face_ids: Sequence[int]) -> NDArray[np.float32]:
        """The latents (n, d) in the order of the ids; raises ValueError for a face without one."""
        found: NDArray[np.float32] | None = None
        for latents, rows, at in self.blocks(np.fromiter(face_ids, np.int64)):
            if found is None:
                found = np.empty((len(face_ids), latents.shape[1]), np.float32)
            found[at] = latents[rows]
        if found is None:
            raise ValueError("no face was asked for")
        return found

    def blocks(
        self, face_ids: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]]]:
        """The latents of these faces: (latents (n, d), rows (m,) of them, positions in face_ids).

        A chunk of which much is wanted comes as it lies in its file; few rows of many chunks come
        together in one block, which the next one overwrites. Blocks come in one order, and a face
        named twice comes twice.

        raises  ValueError when a face has no latent, or the chunks disagree on d
        """
        block: NDArray[np.float16] | None = None
        waiting: list[NDArray[np.int64]] = []
        full = 0
        for chunk, at, rows in self.rows(face_ids):
            if len(rows) * MAPPED_FROM >= len(chunk.face_ids):
                yield chunk.rows(), rows, at
                continue
            if block is None:
                block = np.empty((GATHERED, chunk.dimensions), np.float16)
                places = [memoryview(row).cast("B") for row in block]
            taken = 0
            while taken < len(rows):
                some = rows[taken : taken + GATHERED - full].tolist()
                chunk.copy(some, places[full : full + len(some)])
                waiting.append(at[taken : taken + len(some)])
                taken, full = taken + len(some), full + len(some)
                if full == GATHERED:
                    yield block, np.arange(full), np.concatenate(waiting)
                    waiting, full = [], 0
        if block is not None and full:
            yield block, np.arange(full), np.concatenate(waiting)

    def rows(
        self, face_ids: NDArray[np.int64]
    ) -> Iterator[tuple[Chunk, NDArray[np.int64], NDArray[np.int64]]]:
        """Where the latents of these faces lie: (chunk, positions in face_ids, rows of the chunk).

        Nothing is read: `chunk.rows()[rows]` copies, a loop over the rows of `chunk.rows()` does
        not. Rows rise within a chunk, and chunks come in one order. A face named twice comes twice.

        raises  ValueError when a face has no latent, or the chunks disagree on d
        """
        self.refresh()
        if not len(face_ids):
            return
        ids, numbers, rows = self._index()
        at = np.searchsorted(ids, face_ids)
        found = at < len(ids)
        found[found] = ids[at[found]] == face_ids[found]
        if not found.all():
            told = f" ({len(self.damaged)} damaged chunks)" if self.damaged else ""
            missing = np.unique(face_ids[~found])
            raise ValueError(
                f"{len(missing)} of {len(np.unique(face_ids))} faces have no latent in "
                f"{self.space}{told}, the first is face {missing[0]}; embed them first"
            )
        order = np.lexsort((rows[at], numbers[at]))
        chunks = [self._chunks[name] for name in sorted(self._chunks)]
        used, starts = np.unique(numbers[at][order], return_index=True)
        sizes = {chunks[number].dimensions for number in used}
        if len(sizes) > 1:
            raise ValueError(
                f"{self.folder} holds latents of {sorted(sizes)} numbers; expected one size"
            )
        for number, positions in zip(used, np.split(order, starts[1:]), strict=True):
            yield chunks[number], positions, rows[at[positions]]

    def _index(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Face ids, rising; the number of each one's chunk in the order of names; its row there."""
        if self._indexed is None:
            names = sorted(self._chunks)
            counts = [len(self._chunks[name].face_ids) for name in names]
            every = np.fromiter(
                (i for name in names for i in self._chunks[name].face_ids), np.int64, sum(counts)
            )
            numbers = np.repeat(np.arange(len(names)), counts)
            rows = np.concatenate([np.arange(n) for n in counts] or [np.empty(0, np.int64)])
            ids, first = np.unique(every, return_index=True)
            self._indexed = ids, numbers[first], rows[first]
        return self._indexed

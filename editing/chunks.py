"""One chunk of latents: a safetensors file, and the ways to come by its rows."""

import json
import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from editing.places import LATENTS_VERSION

# As much of a file as is asked for to see its header: that of 64 faces takes 800 bytes.
LOOK = 4096


class Damaged(ValueError):
    """A chunk that is shorter than its header says, or whose header cannot be read."""


@dataclass(frozen=True)
class Chunk:
    """One chunk file: the face of each row, and where the rows start."""

    path: Path
    face_ids: tuple[int, ...]
    dimensions: int
    offset: int

    def rows(self) -> NDArray[np.float16]:
        """(n, d) on the file's own pages, for a look at most of them."""
        # np.memmap takes longer to look around than a chunk takes to be summed.
        descriptor = os.open(str(self.path), os.O_RDONLY)
        try:
            pages = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        # What is not in memory yet then comes in big pages, which take a third of the time to map.
        # Kernels and file systems that have none say so, and the small ones do as well.
        with suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        n = len(self.face_ids)
        rows = np.frombuffer(pages, np.float16, n * self.dimensions, self.offset)
        return rows.reshape(n, self.dimensions)

    def copy(self, rows: list[int], places: list[memoryview]) -> None:
        """Read these rows, one into each place of 2 d bytes: cheaper than mapping for a few.

        raises  Damaged for a row that lies beyond the end of the file
        """
        size = 2 * self.dimensions
        descriptor = os.open(str(self.path), os.O_RDONLY)
        try:
            for row, place in zip(rows, places, strict=True):
                if os.preadv(descriptor, [place], self.offset + row * size) != size:
                    raise Damaged(f"{self.path} ends before its row {row}")
        finally:
            os.close(descriptor)


def opened(path: Path, space: str, generator_sha: str) -> Chunk:
    """The chunk that lies here, its rows unread.

    raises  Damaged; ValueError for a chunk of another format, space or generator;
            FileNotFoundError where another worker discarded it just now
    """
    content, size = _looked_at(path)
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        told, tensor = header["__metadata__"], header["latents"]
        face_ids = tuple(json.loads(told["face_ids"]))
        n, dimensions = tensor["shape"]
        end = 8 + length + tensor["data_offsets"][1]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"its header cannot be read ({error})") from None
    if size != end or n != len(face_ids) or tensor["dtype"] != "F16":
        raise Damaged(f"it has {size} bytes; its header says {end}")
    expected = {
        "format": f"penumbra-latents-{LATENTS_VERSION}",
        "space": space,
        "generator": generator_sha,
    }
    for key, value in expected.items():
        if told.get(key) != value:
            raise ValueError(f"{path} has {key} {told.get(key)!r}; expected {value!r}")
    return Chunk(path, face_ids, dimensions, 8 + length + tensor["data_offsets"][0])


def _looked_at(path: Path) -> tuple[bytes, int]:
    """The start of a file up to the end of its header, and the size of the file in bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        # No reading ahead, and the page let go again: the kernel holds no chunk in big pages of
        # which it has a small one. It keeps a big page that is only part of what is let go.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        content = os.pread(descriptor, LOOK, 0)
        end = 8 + int.from_bytes(content[:8], "little")
        if len(content) < min(end, size):
            content += os.pread(descriptor, min(end, size) - len(content), len(content))
        os.posix_fadvise(descriptor, 0, len(content), os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return content, size

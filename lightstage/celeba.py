"""Writes rendered faces in CelebA's own layout; resumable, and grows without changing."""

import csv
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from lightstage.attributes import ATTRIBUTE_NAMES, attributes
from lightstage.cast import Role, role
from lightstage.landmarks import landmarks
from lightstage.people import draw_person, draw_shot
from lightstage.render import render
from lightstage.truth import COLUMNS, VERSION, truth_of

IMAGES = "img_align_celeba"
MARK = "lightstage.json"
JPEG_QUALITY = 88
_CHUNK = 16
_STALE_SECONDS = 60
_LEAVE_CTRL_C_TO_THE_CALLER = (signal.SIGINT, signal.SIG_IGN)
_LANDMARK_NAMES = [
    f"{place}_{axis}"
    for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    for axis in ("x", "y")
]

Progress = Callable[[int, int], None]


def write_dataset(
    folder: Path | str,
    n_faces: int,
    seed: int,
    *,
    faces_per_identity: int = 12,
    processes: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Render what is missing of a data set's first n_faces; returns the number of faces it now has.

    A folder that already holds more faces of the same seed keeps them. Images and tables
    appear whole or not at all, so an interrupted call is continued by the next one.

    processes  worker processes, default one per core, at most 2
    progress   called with (faces ready, faces wanted) after each few faces
    raises     ValueError if the folder holds another seed's, version's or someone else's files
    """
    if n_faces < 1 or faces_per_identity < 1:
        raise ValueError(
            f"asked for {n_faces} faces, {faces_per_identity} per identity; expected >= 1 of each"
        )
    folder = Path(folder)
    n_faces = max(n_faces, _claim(folder, seed, faces_per_identity))
    roles = [role(seed, i, faces_per_identity=faces_per_identity) for i in range(1, n_faces + 1)]
    images = folder / IMAGES
    missing = [one for one in roles if not _is_whole(images / one.file)]
    ready = n_faces - len(missing)
    if progress:
        progress(ready, n_faces)
    for done in _rendered(images, seed, missing, processes):
        ready += done
        if progress:
            progress(ready, n_faces)
    _write_tables(folder, seed, roles)
    _write_mark(folder, seed, faces_per_identity, n_faces)
    return n_faces


def _claim(folder: Path, seed: int, faces_per_identity: int) -> int:
    """Take the folder for this seed; the number of faces its tables already list."""
    mark = folder / MARK
    mine = {"version": VERSION, "seed": seed, "faces_per_identity": faces_per_identity}
    if mark.exists():
        found = json.loads(mark.read_text())
        for name, value in mine.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{folder} holds light-stage faces of {name.replace('_', ' ')}"
                    f" {found.get(name)}, not {value}: choose another folder or remove this one"
                )
        _sweep(folder)
        return int(found["n_faces"])
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty and was not made by the light stage (no {MARK})")
    (folder / IMAGES).mkdir(parents=True)
    _write_mark(folder, seed, faces_per_identity, 0)
    return 0


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of a killed run, not those a run beside this one has in hand."""
    for part in (*folder.glob(".*.part"), *(folder / IMAGES).glob(".*.part")):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()


def _write_mark(folder: Path, seed: int, faces_per_identity: int, n_faces: int) -> None:
    mark = {
        "version": VERSION,
        "seed": seed,
        "faces_per_identity": faces_per_identity,
        "n_faces": n_faces,
    }
    _replace(folder / MARK, json.dumps(mark, indent=1).encode() + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-2, os.SEEK_END)
            return file.read() == b"\xff\xd9"
    except OSError:
        return False


def _render_chunk(images: Path, seed: int, roles: list[Role]) -> int:
    for one in roles:
        picture = render(draw_person(seed, one.identity), draw_shot(seed, one.identity, one.index))
        jpeg = io.BytesIO()
        Image.fromarray(picture).save(jpeg, "JPEG", quality=JPEG_QUALITY)
        _replace(images / one.file, jpeg.getvalue())
    return len(roles)


def _rendered(images: Path, seed: int, missing: list[Role], processes: int | None) -> Iterator[int]:
    """Render the missing faces chunk by chunk; yields how many each chunk added."""
    chunks = [missing[i : i + _CHUNK] for i in range(0, len(missing), _CHUNK)]
    wanted = min(processes or min(2, os.cpu_count() or 1), len(chunks))
    # the first chunk here: it compiles the renderer into its cache before the workers read it
    for chunk in chunks[: 1 if wanted > 1 else None]:
        yield _render_chunk(images, seed, chunk)
    if wanted <= 1:
        return
    # spawned, not forked: the caller may hold threads and database connections
    pool = ProcessPoolExecutor(
        wanted,
        get_context("spawn"),
        initializer=signal.signal,
        initargs=_LEAVE_CTRL_C_TO_THE_CALLER,
    )
    try:
        waiting = [pool.submit(_render_chunk, images, seed, chunk) for chunk in chunks[1:]]
        for future in waiting:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _write_tables(folder: Path, seed: int, roles: list[Role]) -> None:
    attribute_rows, landmark_rows = [], []
    truth = io.StringIO(newline="")
    writer = csv.writer(truth, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in roles:
        person, shot = draw_person(seed, one.identity), draw_shot(seed, one.identity, one.index)
        values = " ".join(f"{1 if yes else -1:2d}" for yes in attributes(person, shot).values())
        attribute_rows.append(f"{one.file} {values}")
        pixels = landmarks(person, shot).round().astype(int).ravel()
        landmark_rows.append(f"{one.file} {' '.join(f'{pixel:4d}' for pixel in pixels)}")
        writer.writerow(astuple(truth_of(seed, one)))
    n = str(len(roles))
    tables = {
        "list_attr_celeba.txt": _lines(n, " ".join(ATTRIBUTE_NAMES) + " ", *attribute_rows),
        "list_landmarks_align_celeba.txt": _lines(n, " ".join(_LANDMARK_NAMES), *landmark_rows),
        "identity_CelebA.txt": _lines(*(f"{one.file} {one.identity}" for one in roles)),
        "list_eval_partition.txt": _lines(*(f"{one.file} {one.split}" for one in roles)),
        "truth.csv": truth.getvalue().encode("ascii"),
    }
    for name, content in tables.items():
        _replace(folder / name, content)

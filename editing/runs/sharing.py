"""Several workers on the faces of one space: each block of faces is held by one at a time.

The hold is a lock of the database's own, bound to the worker's connection: a killed worker lets go
at once, and chunks appear by rename only, so what it leaves is a whole chunk or none.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

# Blocks are cut by face id, whoever asks with whatever filter, so that all mean the same block.
BLOCK = 64
LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


def blocks(face_ids: Sequence[int]) -> dict[int, list[int]]:
    """The faces by block, both in growing order."""
    found: dict[int, list[int]] = {}
    for face_id in sorted(face_ids):
        found.setdefault(face_id // BLOCK, []).append(face_id)
    return found


@contextmanager
def held(space: str, todo: dict[int, list[int]], most: int) -> Iterator[list[int]]:
    """Hold free blocks of `todo` with up to `most` faces, but at least one; gives the held ones."""
    ours: list[int] = []
    n_faces = 0
    try:
        for block, face_ids in todo.items():
            if ours and n_faces + len(face_ids) > most:
                break
            if _call(LOCK, space, block):
                ours.append(block)
                n_faces += len(face_ids)
        yield ours
    finally:
        for block in ours:
            _call(UNLOCK, space, block)


def _call(statement: str, space: str, block: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"latents {space} {block}"])
        (answer,) = cursor.fetchone()
    return bool(answer)

"""Rows into a PostgreSQL table by COPY, streamed: memory stays small however many there are."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

BLOCK_CHARACTERS = 2**18
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Append rows to a table; None becomes NULL, bytes a bytea, everything else its text.

    cursor  Django's, inside a transaction
    table   and columns are ours, never a user's
    """
    names = ", ".join(columns)
    # The wrapped cursor is psycopg2's own, which alone knows COPY.
    cursor.cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", _Lines(rows))


class _Lines(io.TextIOBase):
    """A file that is written while it is read."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.lines = ("\t".join(map(_field, row)) + "\n" for row in rows)
        self.left = ""

    def read(self, size: int = -1) -> str:
        wanted = BLOCK_CHARACTERS if size is None or size < 0 else size
        parts, length = [self.left], len(self.left)
        while length < wanted:
            line = next(self.lines, None)
            if line is None:
                break
            parts.append(line)
            length += len(line)
        whole = "".join(parts)
        self.left = whole[wanted:]
        return whole[:wanted]


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value).translate(_ESCAPES)

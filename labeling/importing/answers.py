"""CSV files of answers as people have them: with or without a header, from any spreadsheet."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from labeling.errors import Refused

LONGEST_LINE = 10_000
DELIMITERS = ",;\t"


def read_answers(
    path: Path, columns: Sequence[str], *, told: Callable[[float], None] | None = None
) -> Iterator[tuple[str, ...]]:
    """The named columns of each row of a CSV file, stripped; empty lines are passed over.

    A first row that names every column is a header, and more columns are then ignored; a first row
    of as many cells as there are columns is already an answer.
    told    hears now and then which part of the file was read
    raises  Refused for a missing column, another number of cells, or text that is not UTF-8
    """
    size = max(path.stat().st_size, 1)
    with path.open("rb") as raw:
        lines = _lines(raw, (lambda: told(raw.tell() / size)) if told else None)
        first = next(lines, "")
        delimiter = max(DELIMITERS, key=first.count)
        rows = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
        try:
            yield from _answers(rows, columns)
        except csv.Error as error:
            raise Refused("malformed_csv", f"Line {rows.line_num}: {error}.") from None


def _answers(rows: Iterator[list[str]], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    places: list[int] | None = None
    width = len(columns)
    number = 0
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if places is None:
            names = [cell.lower() for cell in cells]
            if set(columns) <= set(names):
                places, width = [names.index(column) for column in columns], len(cells)
                continue
            if len(cells) != len(columns) or set(columns) & set(names):
                missing = [name for name in columns if name not in names]
                raise Refused("missing_column", f"the header is {cells}; expected also {missing}.")
            places = list(range(len(columns)))
        number += 1
        if len(cells) != width:
            raise Refused(
                "malformed_csv", f"Row {number}: {len(cells)} cells came; expected {width}."
            )
        yield tuple(cells[place] for place in places)


def _lines(raw: IO[bytes], told: Callable[[], None] | None) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: raw.readline(LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise Refused(
                "malformed_csv", f"Line {number} is longer than {LONGEST_LINE} characters."
            )
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise Refused(
                "not_utf8",
                f"Line {number}: byte {line[error.start]:#04x} is not UTF-8; "
                "save the file as “CSV UTF-8” and send it again.",
            ) from None
        if "\0" in text:
            raise Refused("not_utf8", f"Line {number} holds a zero byte; expected plain text.")
        if told and number % 1000 == 0:
            told()
        yield text


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest

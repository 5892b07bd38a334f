"""CelebA's four tables, as torchvision's txt files or Kaggle's csv files, checked line by line."""

import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labeling.errors import Refused

LANDMARK_NAMES = [
    f"{place}_{axis}"
    for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    for axis in ("x", "y")
]
MOST_ATTRIBUTES = 63
LONGEST_FILENAME = 200
PLAIN_NAME = re.compile(r"(?!\.)[^/\\:\x00]+")
INT16, INT32 = 2**15 - 1, 2**31 - 1


def damaged(detail: str) -> Refused:
    """What every reader raises: one sentence with file and line."""
    return Refused("damaged_dataset", detail)


@dataclass(frozen=True)
class Table:
    """One table: row i of `values` belongs to files[i] and stands at line first_line + i.

    values  attributes (n,) bit masks; landmarks (n, 10) pixels; identity, split (n,)
    """

    path: Path
    files: list[str]
    values: np.ndarray
    names: list[str]
    first_line: int

    def place(self, row: int) -> str:
        return f"{self.path.name}, line {self.first_line + row}"


@dataclass(frozen=True)
class _Kind:
    """How one table is written, and how a row's columns become numbers."""

    stem: str
    has_count_and_header: bool  # in the txt form; csv always has a header and never a count
    columns: list[str] | None  # None: whatever the header names
    parse: Callable[[Sequence[str]], list[int]]
    csv_too: bool = True


class _Odd(Exception):
    """A row's columns do not say what they should; carries what was expected."""


def _mask(values: Sequence[str]) -> list[int]:
    kinds = set(values)
    if not (kinds <= {"1", "-1"} or kinds <= {"1", "0"}):
        odd = next(v for v in values if v not in {"1", "-1"})
        raise _Odd(f"an attribute is {odd!r}, expected -1 or 1 (or 0 or 1) throughout the row")
    bits = "".join("1" if value == "1" else "0" for value in reversed(values))
    return [int(bits, 2)]


def _integers(lowest: int, highest: int, what: str) -> Callable[[Sequence[str]], list[int]]:
    def parse(values: Sequence[str]) -> list[int]:
        numbers = []
        for value in values:
            try:
                number = int(value)
            except ValueError:
                raise _Odd(f"{what} is {value!r}, expected a whole number") from None
            if not lowest <= number <= highest:
                raise _Odd(f"{what} is {number}, expected {lowest} to {highest}")
            numbers.append(number)
        return numbers

    return parse


KINDS = {
    "attributes": _Kind("list_attr_celeba", True, None, _mask),
    "landmarks": _Kind(
        "list_landmarks_align_celeba",
        True,
        LANDMARK_NAMES,
        _integers(-INT16, INT16, "a landmark"),
    ),
    "identity": _Kind(
        "identity_CelebA", False, ["identity"], _integers(0, INT32, "the identity"), csv_too=False
    ),
    "partition": _Kind(
        "list_eval_partition", False, ["partition"], _integers(0, 2, "the partition")
    ),
}


def read_tables(folder: Path) -> dict[str, Table]:
    """The tables that the folder has, by kind (a key of KINDS); Refused for a damaged one."""
    tables = {}
    for name, kind in KINDS.items():
        txt, csv = folder / f"{kind.stem}.txt", folder / f"{kind.stem}.csv"
        has_csv = kind.csv_too and csv.exists()
        if txt.exists() and has_csv:
            raise damaged(f"{folder} holds both {txt.name} and {csv.name}, expected one of them")
        if txt.exists() or has_csv:
            tables[name] = _read(csv if has_csv else txt, kind)
    return tables


def _read(path: Path, kind: _Kind) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline=None) as file:
            return _parse(path, kind, _lines(file))
    except UnicodeDecodeError as error:
        raise damaged(f"{path.name} is no text: {error.reason} in UTF-8") from None


def _lines(file: Iterable[str]) -> Iterator[str]:
    """The lines up to the last one that is not blank."""
    blank: list[str] = []
    for line in file:
        if line.strip():
            yield from blank
            blank.clear()
            yield line
        else:
            blank.append(line)


def _parse(path: Path, kind: _Kind, lines: Iterator[str]) -> Table:
    is_csv = path.suffix == ".csv"
    names, n_head, count = _head(path, kind, lines, is_csv)
    files: list[str] = []
    values = array("q")
    for number, line in enumerate(lines, n_head + 1):
        columns = [part.strip() for part in line.split(",")] if is_csv else line.split()
        if len(columns) != len(names) + 1:
            raise damaged(
                f"{path.name}, line {number}: {len(columns)} columns came, "
                f"expected {len(names) + 1}"
            )
        try:
            files.append(_plain(columns[0]))
            values.extend(kind.parse(columns[1:]))
        except _Odd as odd:
            raise damaged(f"{path.name}, line {number}: {odd}.") from None
    if count is not None and count != len(files):
        raise damaged(f"{path.name}, line 1: the count is {count}, but {len(files)} rows follow")
    numbers = np.frombuffer(values, dtype=np.int64)
    if kind.columns == LANDMARK_NAMES:
        numbers = numbers.reshape(-1, len(LANDMARK_NAMES)).astype(np.int16)
    table = Table(path, files, numbers, names, n_head + 1)
    _refuse_doubles(table)
    return table


def _head(
    path: Path, kind: _Kind, lines: Iterator[str], is_csv: bool
) -> tuple[list[str], int, int | None]:
    """The columns' names, how many lines stand before the rows, and the count line's number."""
    if is_csv:
        header = [name.strip() for name in next(lines, "").split(",")]
        if header[:1] != ["image_id"]:
            raise damaged(
                f"{path.name}, line 1: the first column is {header[0]!r}, expected 'image_id'"
            )
        names, count, n_head = header[1:], None, 1
    elif kind.has_count_and_header:
        first = next(lines, "").strip()
        if not first.isdigit():
            raise damaged(f"{path.name}, line 1: {first[:60]!r} came, expected the number of rows")
        names = next(lines, "").split()
        count, n_head = int(first), 2
    else:
        return list(kind.columns or []), 0, None
    if kind.columns is not None and names != kind.columns:
        raise damaged(
            f"{path.name}, line {n_head}: the columns are {' '.join(names)[:200]!r}, "
            f"expected {' '.join(kind.columns)!r}"
        )
    if not names or len(names) > MOST_ATTRIBUTES or len(set(names)) < len(names):
        raise damaged(
            f"{path.name}, line {n_head}: {len(names)} columns named {len(set(names))} different "
            f"names, expected 1 to {MOST_ATTRIBUTES}, all different"
        )
    return names, n_head, count


def _plain(filename: str) -> str:
    """A file name that stays in its folder; one string for all the tables that name it."""
    if not PLAIN_NAME.fullmatch(filename):
        raise _Odd(f"the file name {filename[:80]!r} leads elsewhere, expected a plain name")
    if len(filename) > LONGEST_FILENAME:
        raise _Odd(
            f"the file name has {len(filename)} characters, expected at most {LONGEST_FILENAME}"
        )
    return sys.intern(filename)


def _refuse_doubles(table: Table) -> None:
    if len(set(table.files)) == len(table.files):
        return
    first: dict[str, int] = {}
    for row, file in enumerate(table.files):
        if file in first:
            raise damaged(
                f"{table.place(row)}: {file} was already named at line "
                f"{table.first_line + first[file]}, expected each file once"
            )
        first[file] = row

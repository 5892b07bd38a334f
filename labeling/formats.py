"""[worker] The files of a release that hold its labels: one writer per format, fed row by row.

Every writer gets the same rows in the same order and keeps none of them, so that memory stays flat
however many there are, and the same rows always make the same bytes.
"""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.models import Campaign

# The names by which Label Studio's annotations refer to their config, as the dialect's door does.
CHOICES_NAME, IMAGE_NAME = "choice", "image"


class Row(NamedTuple):
    """One label of a release; the probabilities are in the order of the campaign's choices."""

    file: str
    choice: str
    probability: float
    probabilities: list[float]
    source: str
    n_votes: int


class LabelFile(Protocol):
    """A file being written: rows are added, then it is closed, and then it is on disk."""

    def __init__(self, path: Path, campaign: Campaign, n_rows: int) -> None: ...

    def add(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


class _Text:
    """A text file that is on disk before anybody is told that it is finished."""

    def __init__(self, path: Path, campaign: Campaign, n_rows: int) -> None:
        self.values = campaign.values
        self.n_rows = n_rows
        self.file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self.begin()

    def begin(self) -> None:
        """Write what stands before the first row."""

    def end(self) -> None:
        """Write what stands after the last row."""

    def close(self) -> None:
        self.end()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


class CsvFile(_Text):
    """A table for spreadsheets and data frames."""

    def begin(self) -> None:
        self.out = csv.writer(self.file, lineterminator="\n")
        each = (f"p_{value}" for value in self.values)
        self.out.writerow(["file", "choice", "probability", *each, "source", "votes"])

    def add(self, rows: Sequence[Row]) -> None:
        self.out.writerows(
            (
                *(row.file, row.choice, f"{row.probability:.6f}"),
                *[f"{p:.6f}" for p in row.probabilities],
                *(row.source, row.n_votes),
            )
            for row in rows
        )


class JsonLines(_Text):
    """One object per line, probabilities by choice."""

    def begin(self) -> None:
        # A template instead of json.dumps per row: of a row only the file name can need escapes.
        each = ", ".join(json.dumps(value).replace("%", "%%") + ": %s" for value in self.values)
        self.template = (
            '{"file": %s, "choice": %s, "probability": %s, "probabilities": {'
            + each
            + '}, "source": "%s", "votes": %d}\n'
        )
        self.choices = {value: json.dumps(value) for value in self.values}

    def add(self, rows: Sequence[Row]) -> None:
        self.file.writelines(
            self.template
            % (
                *(json.dumps(row.file), self.choices[row.choice], round(row.probability, 6)),
                *[round(p, 6) for p in row.probabilities],
                *(row.source, row.n_votes),
            )
            for row in rows
        )


def image_line(row: Row, values: Sequence[str]) -> str:
    """What load_dataset("imagefolder") reads of one image, beside which its file lies."""
    each = zip(values, row.probabilities, strict=True)
    told = {
        "file_name": row.file,
        "choice": row.choice,
        "probability": round(row.probability, 6),
        **{f"p_{value}": round(p, 6) for value, p in each},
        "source": row.source,
        "votes": row.n_votes,
    }
    return json.dumps(told) + "\n"


class ImageMetadata(_Text):
    """For a folder in which all images lie, as CelebA's do."""

    def add(self, rows: Sequence[Row]) -> None:
        self.file.writelines(image_line(row, self.values) for row in rows)


class CelebaTable(_Text):
    """As CelebA's attribute table: count, names, one padded row of 1 and -1 per face, CR LF."""

    def begin(self) -> None:
        self.file.write(f"{self.n_rows}\r\n{' '.join(self.values)} \r\n")
        self.signs = {}
        for choice in self.values:
            first, *rest = (1 if value == choice else -1 for value in self.values)
            self.signs[choice] = f" {first}{''.join(f'{sign:3d}' for sign in rest)}\r\n"

    def add(self, rows: Sequence[Row]) -> None:
        self.file.writelines(row.file + self.signs[row.choice] for row in rows)


class LabelStudioJson(_Text):
    """What Label Studio exports and imports: a task per face with one annotation."""

    def begin(self) -> None:
        self.file.write("[")
        self.n_written = 0
        # A template instead of json.dumps per row, as for the lines.
        self.template = {choice: self._template(choice) for choice in self.values}

    def _template(self, choice: str) -> str:
        chosen = json.dumps({"choices": [choice]}).replace("%", "%%")
        return (
            '%s\n{"id": %d, "data": {"'
            + IMAGE_NAME
            + '": %s}, "annotations": [{"id": %d, "result": [{"id": "label-%d", "from_name": "'
            + f'{CHOICES_NAME}", "to_name": "{IMAGE_NAME}", "type": "choices", "origin": "%s", '
            + f'"value": {chosen}}}], "was_cancelled": false}}], "predictions": [], '
            + '"meta": {"probability": %s, "source": "%s", "votes": %d}}'
        )

    def add(self, rows: Sequence[Row]) -> None:
        self.file.writelines(map(self._task, rows))

    def _task(self, row: Row) -> str:
        self.n_written += 1
        number = self.n_written
        return self.template[row.choice] % (
            *("," if number > 1 else "", number, json.dumps(row.file), number, number),
            *("manual" if row.n_votes else "prediction", round(row.probability, 6)),
            *(row.source, row.n_votes),
        )

    def end(self) -> None:
        self.file.write("\n]\n")


class ParquetTable:
    """Columns with their types, for data frames."""

    def __init__(self, path: Path, campaign: Campaign, n_rows: int) -> None:
        self.path = path
        text = pa.dictionary(pa.int8(), pa.string())
        each = [(f"p_{value}", pa.float32()) for value in campaign.values]
        self.schema = pa.schema(
            [
                *[("file", pa.string()), ("choice", text), ("probability", pa.float32()), *each],
                *[("source", text), ("votes", pa.int16())],
            ]
        )
        self.writer = pq.ParquetWriter(path, self.schema, compression="zstd")

    def add(self, rows: Sequence[Row]) -> None:
        columns = Row(*zip(*rows, strict=True)) if rows else None
        if columns is None:
            return
        each = list(zip(*columns.probabilities, strict=True))
        values = [columns.file, columns.choice, columns.probability, *each]
        values += [columns.source, columns.n_votes]
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(values, self.schema, strict=True)
        ]
        self.writer.write_table(pa.table(arrays, schema=self.schema))

    def close(self) -> None:
        self.writer.close()
        with self.path.open("rb") as written:
            os.fsync(written.fileno())


LABEL_FILES: dict[str, type[LabelFile]] = {
    "labels.csv": CsvFile,
    "labels.jsonl": JsonLines,
    "metadata.jsonl": ImageMetadata,
    "labels.parquet": ParquetTable,
    "list_illumination_celeba.txt": CelebaTable,
    "label_studio.json": LabelStudioJson,
}

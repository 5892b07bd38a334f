"""truth.csv: what is known of every rendered face, enough to render it again in any pose."""

import csv
from dataclasses import dataclass
from pathlib import Path

from lightstage.cast import Role
from lightstage.light import side
from lightstage.people import Person, Shot, draw_person, draw_shot

# The look of a face belongs to (version, seed, identity, index). Bump when the look changes.
VERSION = 1

COLUMNS = (
    "file",
    "identity",
    "yaw_degrees",
    "azimuth_degrees",
    "elevation_degrees",
    "side",
    "seed",
    "index",
    "version",
)


@dataclass(frozen=True)
class Truth:
    """One row of truth.csv. seed, identity and index are all that the face is drawn from:

    render(truth.person(), dataclasses.replace(truth.shot(), yaw_degrees=30)) turns the head.
    """

    file: str
    identity: int
    yaw_degrees: float
    azimuth_degrees: float
    elevation_degrees: float
    side: str
    seed: int
    index: int
    version: int = VERSION

    def person(self) -> Person:
        return draw_person(self.seed, self.identity)

    def shot(self) -> Shot:
        return draw_shot(self.seed, self.identity, self.index)


def truth_of(seed: int, role: Role) -> Truth:
    """The truth about one face of the data set of a seed."""
    shot = draw_shot(seed, role.identity, role.index)
    return Truth(
        file=role.file,
        identity=role.identity,
        yaw_degrees=round(shot.yaw_degrees, 4),
        azimuth_degrees=round(shot.azimuth_degrees, 4),
        elevation_degrees=round(shot.elevation_degrees, 4),
        side=side(shot.azimuth_degrees, shot.elevation_degrees),
        seed=seed,
        index=role.index,
    )


def read_truth(folder: Path | str) -> list[Truth]:
    """All rows of a folder's truth.csv, in file order; ValueError with file and line if damaged."""
    path = Path(folder) / "truth.csv"
    with path.open(newline="", encoding="ascii") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: the header is {reader.fieldnames}, expected {list(COLUMNS)}")
        return [_parsed(path, reader.line_num, row) for row in reader]


def _parsed(path: Path, line: int, row: dict[str, str]) -> Truth:
    try:
        truth = Truth(
            file=row["file"],
            identity=int(row["identity"]),
            yaw_degrees=float(row["yaw_degrees"]),
            azimuth_degrees=float(row["azimuth_degrees"]),
            elevation_degrees=float(row["elevation_degrees"]),
            side=row["side"],
            seed=int(row["seed"]),
            index=int(row["index"]),
            version=int(row["version"]),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}, line {line}: not a row of truth: {error}") from error
    if truth.version != VERSION:
        raise ValueError(
            f"{path}, line {line}: of light stage version {truth.version}, this is {VERSION}"
        )
    return truth

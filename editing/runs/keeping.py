"""What of a fitted direction lies on disk: its lines, and the faces they were fitted on."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from editing import places
from editing.engine.lines import RotationFit
from editing.models import Direction
from editing.runs.choosing import Faces
from editing.store import write_whole
from labeling.errors import Refused

DIRECTION_FORMAT = "penumbra-direction-2"
ROWS_FORMAT = "penumbra-direction-rows-1"
# Known of the moment of choosing only: neither is needed to weigh a face again.
NOT_KEPT = ("split", "choice")


def rows_file(direction_id: int) -> Path:
    return places.direction_file(direction_id).parent / "rows.safetensors"


def keep(
    job: Direction,
    fit: RotationFit,
    faces: Faces,
    tones: NDArray[np.float64],
    edges: list[float],
    made_with: dict[str, Any],
) -> None:
    """Write the rows, then the lines: whoever finds the lines finds the rows too."""
    header = {"space": job.space, "generator": job.generator.sha256}
    rows = {
        field.name: getattr(faces, field.name)
        for field in fields(faces)
        if field.name not in NOT_KEPT
    }
    rows = {**rows, "tones": tones, "edges": np.array(edges)}
    arrays = {name: np.ascontiguousarray(array) for name, array in rows.items()}
    write_whole(rows_file(job.id), save(arrays, metadata={**header, "format": ROWS_FORMAT}))
    lines = {name: np.ascontiguousarray(array) for name, array in fit.arrays().items()}
    told = {**header, "format": DIRECTION_FORMAT, "made_with": json.dumps(made_with)}
    write_whole(places.direction_file(job.id), save(lines, metadata=told))


def stored_fit(direction: Direction) -> RotationFit:
    """A direction's lines from its file; Refused when the file is gone or of another space."""
    return RotationFit.from_arrays(
        _arrays(places.direction_file(direction.id), direction, DIRECTION_FORMAT)
    )


def stored_rows(direction: Direction) -> tuple[Faces, NDArray[np.float64], list[float]]:
    """The faces a direction was fitted on, their tones (n, t), and the edges of its bins."""
    arrays = _arrays(rows_file(direction.id), direction, ROWS_FORMAT)
    n = len(arrays["id"])
    left_out = {"split": np.full(n, -1), "choice": np.full(n, "")}
    columns = {field.name: arrays.get(field.name) for field in fields(Faces)} | left_out
    faces = Faces(**{**columns, "is_mirrored": arrays["is_mirrored"].astype(bool)})
    return faces, arrays["tones"], [float(edge) for edge in arrays["edges"]]


def _arrays(path: Path, direction: Direction, kind: str) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise Refused("direction_gone", f"{path} is gone; fit direction {direction.id} again.")
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    expected = {
        "format": kind,
        "space": direction.space,
        "generator": direction.generator.sha256,
    }
    for key, value in expected.items():
        if header.get(key) != value:
            raise Refused(
                "direction_differs", f"{path} has {key} {header.get(key)!r}, not {value!r}."
            )
    return load(content)

"""What every request for long work is checked for before its row is written."""

from collections.abc import Callable
from typing import Any

from editing.filters import FaceFilter
from editing.models import Generator
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Dataset, Job

LONGEST_FILTER = 1000
# How a worker is rung; the commands, which do the work themselves, ring nobody.
Ring = Callable[[int], object]


def ready(job: Job, kind: str) -> None:
    """Refuse to build on a row that is not done."""
    if job.status != "done":
        told = f"{kind.capitalize()} {getattr(job, 'name', job.id)} is {job.status}"
        raise Conflict(
            f"{kind}_not_ready", f"{told}{f' ({job.error})' if job.error else ''}; expected done."
        )


def find(model: type, given: int | str) -> Any:
    """The row of an id, or of a name where the model has names; NotFound otherwise."""
    kind = model.__name__.lower()
    rows = model.objects.all()
    if isinstance(given, str) and model is Generator:
        row = rows.filter(name=given).first()
    else:
        row = rows.filter(id=given).first() if 0 <= int(given) < 2**63 else None
    if row is None:
        raise NotFound(f"There is no {kind} {given!r}.")
    return row


def some_faces(face_filter: FaceFilter, dataset: Dataset) -> int:
    """How many faces of the dataset pass; Refused for none, or for too long a filter."""
    if len(face_filter.to_query()) > LONGEST_FILTER:
        raise Refused(
            "invalid_filter",
            f"The filter has {len(face_filter.to_query())} characters; expected at most "
            f"{LONGEST_FILTER}.",
        )
    if not (n_faces := face_filter.faces().count()):
        raise Refused(
            "no_faces",
            f"No face of {dataset.name!r} passes the filter {face_filter.to_query()!r}.",
        )
    return n_faces

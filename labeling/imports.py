"""[worker] A file of votes or labels that a manager sent: checked whole, then stored whole."""

from pathlib import Path
from typing import Any

from labeling import outside
from labeling.importing.answers import read_answers
from labeling.models import Import, User, Vote
from labeling.outside import Stored
from labeling.worker import Progress, Stopped

VOTES = ("file", "annotator", "choice")
LABELS = ("file", "choice")


def run(job: Import, progress: Progress) -> None:
    """Store the job's file and note its figures; the upload is removed when the work has ended."""
    if "stored" in job.figures:
        return  # an earlier attempt ended before it could say so
    path = Path(job.file)
    try:
        stored = _store(job, path, progress)
    except Stopped:
        # Taken over by another attempt, which needs the file, unless somebody cancelled.
        if Import.objects.filter(id=job.id, cancel_requested=True).exists():
            path.unlink(missing_ok=True)
        raise
    except Exception:
        # The job has failed for good: whoever sent the file mends it and sends another.
        path.unlink(missing_ok=True)
        raise
    figures: dict[str, Any] = {"stored": stored.stored, "duplicate": stored.duplicate}
    Import.objects.filter(id=job.id, attempt=job.attempt).update(figures={**job.figures, **figures})
    path.unlink(missing_ok=True)


def _store(job: Import, path: Path, progress: Progress) -> Stored:
    def told(n_rows: int) -> None:
        progress(0.6 * part[0], f"{n_rows:,} rows read; all are stored together")

    part = [0.0]

    def read(fraction: float) -> None:
        part[0] = fraction

    if job.kind == Import.Kind.VOTES:
        rows = read_answers(path, VOTES, told=read)
        return outside.store_votes(job.campaign, rows, source=Vote.Source.IMPORTED, told=told)
    labels = read_answers(path, LABELS, told=read)
    if job.request.get("settled"):
        by: User = job.requested_by
        return outside.store_words(job.campaign, labels, by=by, told=told)
    name = job.request["name"]
    named = ((file, name, choice) for file, choice in labels)
    return outside.store_votes(job.campaign, named, source=Vote.Source.IMPORTED, told=told)

"""Take a manager's CSV file in: size checked, streamed to disk, and given to a worker as a job."""

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from labeling import acts, jobs, tasks
from labeling.errors import Refused
from labeling.models import Campaign, Import, User
from labeling.outside import LONGEST_NAME

MOST_BYTES = 50 * 2**20


def ask_import(
    campaign: Campaign,
    kind: str,
    chunks: Iterable[bytes],
    *,
    by: User,
    filename: str,
    name: str = "",
    settled: bool = False,
) -> Import:
    """Keep a file and ask for its import.

    chunks   the file as it comes; never held in memory whole
    name     labels only: whose votes the labels are to be
    settled  labels only: they are last words instead of votes
    raises   Refused for a file that is empty or too long, or labels without a name
    """
    request: dict[str, Any] = {"filename": filename[:200]}
    if kind == Import.Kind.LABELS:
        name = name.strip()
        if not settled and not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
            raise Refused(
                "invalid_name",
                f"The labels' name is {name[:100]!r}; expected 1 to {LONGEST_NAME} characters.",
            )
        request |= {"name": name, "settled": settled}
    path, sha256, size = _keep(chunks)
    try:
        with transaction.atomic():
            job = jobs.submit(
                Import,
                ring=tasks.ring_import,
                user=by,
                body=request,
                campaign=campaign,
                kind=kind,
                file=str(path),
                figures={"sha256": sha256, "bytes": size},
            )
            details = {**request, "sha256": sha256}
            acts.record(by, f"import.{kind}", campaign.slug, campaign=campaign, **details)
    except Exception:
        path.unlink(missing_ok=True)
        raise
    return job


def cancel(job: Import, *, by: User) -> None:
    """End an import that waits, ask a running one to stop; a file nobody will read is removed."""
    with transaction.atomic():
        was = (job.status, job.cancel_requested)
        jobs.cancel(job)
        if (job.status, job.cancel_requested) != was:
            about = job.request.get("filename", "")
            acts.record(by, "import.cancel", about, campaign=job.campaign)
    if job.status == Import.Status.CANCELLED:
        Path(job.file).unlink(missing_ok=True)


def _keep(chunks: Iterable[bytes]) -> tuple[Path, str, int]:
    """The chunks in a new file of ours, with their SHA-256 and number."""
    folder: Path = settings.VAR_DIR / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, digest, size = folder / f"{uuid.uuid4()}.csv", hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise Refused(
                        "too_large",
                        f"The file has more than the {MOST_BYTES // 2**20} MB that are expected.",
                        status=413,
                    )
                digest.update(chunk)
                file.write(chunk)
        if not size:
            raise Refused("empty_file", "The file is empty; expected rows of a CSV.")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, digest.hexdigest(), size

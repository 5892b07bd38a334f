"""A job row's life in a worker: claim, beat, report progress, notice a cancel, record the end."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from labeling.errors import Refused
from labeling.models import Job

log = logging.getLogger(__name__)

BEAT_SECONDS = 5
STALE_AFTER = timedelta(seconds=30)
RING_AGAIN_AFTER = timedelta(seconds=60)
MOST_ATTEMPTS = 5


class Stopped(Exception):
    """The row is no longer this attempt's to work on: cancelled, or taken over as stale."""


class Progress:
    """Tells a row how far its work is, and raises Stopped when the work should end."""

    def __init__(self, job: Job) -> None:
        # The attempt is a fence: once another worker took the row over, our updates match nothing.
        self.ours = type(job).objects.filter(id=job.id, attempt=job.attempt, status="running")
        self.written_at = 0.0

    def __call__(self, fraction: float, step: str = "") -> None:
        """Report `fraction` in 0..1 and what is being done; written at most twice a second."""
        now = time.monotonic()
        if now - self.written_at < 0.5 and fraction < 1:
            return
        self.written_at = now
        changes: dict[str, Any] = {"progress": min(max(fraction, 0.0), 1.0)}
        if step:
            changes["step"] = step[:200]
        if not self.ours.filter(cancel_requested=False).update(**changes):
            raise Stopped


def run(model: type[Job], job_id: int, work: Callable[[Any, Progress], None]) -> None:
    """Do a job's work once; safe to call twice, from any worker, also after a worker died.

    work  receives the row and a Progress; what it returns is ignored, what it raises is recorded
    """
    job = claim(model, job_id)
    if job is None:
        return
    progress = Progress(job)
    try:
        with beating(progress):
            work(job, progress)
        finish(progress, status="done", progress=1.0)
    except Stopped:
        finish(progress, status="cancelled")
    except (Refused, ValueError, OSError) as error:
        finish(progress, status="failed", error=str(error) or type(error).__name__)
    except Exception as error:
        log.exception("%s %s failed", model.__name__, job_id)
        finish(progress, status="failed", error=f"{type(error).__name__}: {error}")


def claim(model: type[Job], job_id: int) -> Job | None:
    """Take a queued or abandoned row; None when another worker has it or it has ended."""
    stale = Q(status="running", heartbeat_at__lt=timezone.now() - STALE_AFTER)
    free = model.objects.filter(Q(status="queued") | stale, id=job_id, cancel_requested=False)
    # One UPDATE decides between two workers that were rung for the same row.
    taken = free.filter(attempt__lt=MOST_ATTEMPTS).update(
        status="running", attempt=F("attempt") + 1, heartbeat_at=timezone.now(), error=None
    )
    return model.objects.get(id=job_id) if taken else None


@contextmanager
def beating(progress: Progress) -> Iterator[None]:
    """Keep the row's heartbeat fresh while the block runs, whatever it is busy with."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                progress.ours.update(heartbeat_at=timezone.now())
            except Exception:
                # The database may be restarting: the next beat tries on a new connection.
                log.warning("a heartbeat was not written", exc_info=True)
                connection.close()
        connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def finish(attempt: Progress, /, **changes: Any) -> None:
    """Record the end of our attempt; a row that was taken over is left alone."""
    attempt.ours.update(finished_at=timezone.now(), **changes)


def sweep(model: type[Job], ring: Callable[[int], None]) -> int:
    """Ring again for rows that wait or whose worker went silent; returns how many were rung."""
    now = timezone.now()
    silent = model.objects.filter(status="running", heartbeat_at__lt=now - STALE_AFTER)
    silent.filter(cancel_requested=True).update(status="cancelled", finished_at=now)
    silent.filter(attempt__gte=MOST_ATTEMPTS).update(
        status="failed",
        finished_at=now,
        error=f"The worker went silent {MOST_ATTEMPTS} times; see its log, then ask again.",
    )
    waiting = model.objects.filter(status="queued").filter(
        Q(heartbeat_at__lt=now - RING_AGAIN_AFTER)
        | Q(heartbeat_at=None, created_at__lt=now - timedelta(seconds=10))
    )
    rung = [*silent.filter(status="running").values_list("id", flat=True)]
    for job_id in waiting.values_list("id", flat=True):
        # Of two sweeps at once, the one whose UPDATE counts rings.
        rung += [job_id] * waiting.filter(id=job_id).update(heartbeat_at=now)
    for job_id in rung:
        ring(job_id)
    return len(rung)

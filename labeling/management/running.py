"""Do a job's work here and now, in the command's own process, with a bar."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from labeling import worker
from labeling.models import Job
from labeling.worker import Progress


class Bar:
    """A Progress that also draws itself on the terminal."""

    def __init__(self, progress: Progress, bar: tqdm) -> None:
        self.progress = progress
        self.ours = progress.ours
        self.bar = bar

    def __call__(self, fraction: float, step: str = "") -> None:
        self.bar.n = round(100 * min(max(fraction, 0.0), 1.0))
        self.bar.set_description_str(step or None)
        self.progress(fraction, step)


def nobody(job_id: int) -> None:
    """Rings no worker: the command does the work itself."""


def do(job: Job, work: Callable[[Any, Any], None]) -> None:
    """Run a job's work to its end; raises CommandError with the job's own sentence if it fails.

    After Ctrl-C the row says cancelled, so that no worker takes it over.
    """
    model = type(job)
    layout = "{desc:<40.40} |{bar:30}| {percentage:3.0f}% {elapsed}"
    try:
        with tqdm(total=100, bar_format=layout) as bar:
            worker.run(model, job.id, lambda row, progress: work(row, Bar(progress, bar)))
            bar.n = 100
            bar.set_description_str("Ended")
    except KeyboardInterrupt:
        job.refresh_from_db()
        worker.finish(Progress(job), status="cancelled")
        raise CommandError("Stopped; ask again, and it goes on from what is kept.") from None
    job.refresh_from_db()
    while job.status == "running":
        # A worker was faster: it does the same work, and its end is ours.
        time.sleep(0.5)
        job.refresh_from_db()
    if job.status != "done":
        raise CommandError(job.error or f"The job is {job.status}.")

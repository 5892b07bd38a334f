"""The doorway to the worker: tasks take ids, may run twice, and import heavy code only inside."""

import logging
from typing import Any

from celery import shared_task
from django.core.management import call_command
from django.db import IntegrityError, transaction
from kombu.exceptions import OperationalError

from labeling.models import Import, Refresh, Release

log = logging.getLogger(__name__)


@shared_task(name="labeling.refresh")
def refresh(refresh_id: int) -> None:
    from labeling import refreshes, worker

    if (rest := refreshes.rest_seconds(refresh_id)) > 0:
        # Waited for here: the sweep would ring up to a minute late. It rings if we are gone.
        refresh.apply_async((refresh_id,), countdown=rest)
        return
    worker.run(Refresh, refresh_id, refreshes.refresh_and_draw)


@shared_task(name="labeling.write_release")
def write_release(release_id: int) -> None:
    from labeling import releases, worker

    worker.run(Release, release_id, releases.write)


@shared_task(name="labeling.import_file")
def import_file(import_id: int) -> None:
    from labeling import imports, worker

    def work(job: Import, progress: Any) -> None:
        imports.run(job, progress)
        ring_refresh(job.campaign_id)

    worker.run(Import, import_id, work)


@shared_task(name="labeling.sweep")
def sweep() -> None:
    from labeling import worker

    worker.sweep(Refresh, lambda refresh_id: ring(refresh, refresh_id))
    worker.sweep(Release, ring_release)
    worker.sweep(Import, ring_import)


@shared_task(name="labeling.clear_sessions")
def clear_sessions() -> None:
    """Delete the sessions that have ended; nothing else ever does."""
    call_command("clearsessions")


def ring(task: Any, job_id: int) -> None:
    """Tell a worker that a row waits. A lost bell costs seconds: the sweep rings again."""
    try:
        task.delay(job_id)
    except (OperationalError, OSError):
        log.warning("the broker did not take %s(%s); the sweep will", task.name, job_id)


def ring_release(release_id: int) -> None:
    ring(write_release, release_id)


def ring_import(import_id: int) -> None:
    ring(import_file, import_id)


def ring_refresh(campaign_id: int) -> None:
    """Ask for a refresh after votes; one waiting row answers any number of them."""
    if Refresh.objects.filter(campaign_id=campaign_id, status=Refresh.Status.QUEUED).exists():
        return
    try:
        with transaction.atomic():
            row = Refresh.objects.create(campaign_id=campaign_id)
    except IntegrityError:
        return  # one waits already: see one_refresh_waits_per_campaign
    transaction.on_commit(lambda: ring(refresh, row.id))

"""Ask for long work and ask it to stop: a row first, then the bell."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from labeling import acts, tasks
from labeling.errors import Conflict, Refused
from labeling.models import Campaign, Job, Release, User
from labeling.released import check_promise

J = TypeVar("J", bound=Job)


def submit(
    model: type[J],
    *,
    ring: Callable[[int], None],
    user: User | None,
    body: dict[str, Any],
    key: str = "",
    **fields: Any,
) -> J:
    """Write a job's row and ring for a worker once the row is committed.

    key     the client's Idempotency-Key: the same key and body give the same row
    fields  the rest of the row
    raises  Conflict when the key came before with another body, Refused for a key too long to keep
    """
    most = model._meta.get_field("idempotency_key").max_length
    if len(key) > most:
        raise Refused("invalid", f"The Idempotency-Key has {len(key)} letters; expected {most}.")
    if key and (earlier := model.objects.filter(requested_by=user, idempotency_key=key).first()):
        return _same(earlier, body, key)
    try:
        with transaction.atomic():
            job = model.objects.create(
                requested_by=user, request=body, idempotency_key=key, **fields
            )
            transaction.on_commit(lambda: ring(job.id))
    except IntegrityError:
        # The same request may have come twice at once; the other one's row is the answer.
        if key and (twin := model.objects.filter(requested_by=user, idempotency_key=key).first()):
            return _same(twin, body, key)
        raise
    return job


def _same(job: J, body: dict[str, Any], key: str) -> J:
    if job.request != body:
        raise Conflict(
            "idempotency_key_reused",
            f"Idempotency-Key {key!r} came before with the body {job.request}, now with {body}.",
        )
    return job


def cancel(job: Job) -> None:
    """End a waiting job now, ask a running one to stop; an ended one stays as it is."""
    rows = type(job).objects.filter(id=job.id)
    if not rows.filter(status="queued").update(status="cancelled", finished_at=timezone.now()):
        rows.filter(status="running").update(cancel_requested=True)
    job.refresh_from_db()


def describe(job: Job, url: str) -> dict[str, Any]:
    """A job as api.md shows it to clients."""
    return {
        "id": job.id,
        "status": job.status,
        "progress": round(job.progress, 4),
        "step": job.step,
        "error": job.error,
        "url": url,
    }


def ask_release(
    campaign: Campaign, *, user: User | None, body: dict[str, Any], key: str
) -> Release:
    """Ask for the campaign's next release; body: max_error, confidence, include, audits.

    raises  Refused for numbers that promise nothing
    """
    check_promise(body.get("max_error"), body.get("confidence"))
    with transaction.atomic():
        # The campaign's row is the lock under which its releases are numbered.
        Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
        newest = campaign.releases.aggregate(number=Max("number"))["number"] or 0
        release = submit(
            Release,
            ring=tasks.ring_release,
            user=user,
            body=body,
            key=key,
            campaign=campaign,
            number=newest + 1,
        )
        if release.number > newest:  # and not the row of the same request sent before
            name = f"release {release.number}"
            acts.record(user, "release.ask", name, campaign=campaign, **body)
        return release


def cancel_release(release: Release, *, user: User) -> None:
    """Cancel a release that waits or runs, as its manager's act."""
    goes_on = release.status in ("queued", "running") and not release.cancel_requested
    with transaction.atomic():
        cancel(release)
        if goes_on:
            name = f"release {release.number}"
            acts.record(user, "release.cancel", name, campaign=release.campaign)

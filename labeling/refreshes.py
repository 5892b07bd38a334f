"""[worker] One refresh, followed: votes -> classifier -> suggestions -> consensus -> priorities."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import F
from django.utils import timezone
from threadpoolctl import threadpool_limits

from labeling import consensus, describing, looks, mean_faces, ordering, skills, suggestions
from labeling.consensus import Belief
from labeling.describing import Described
from labeling.learning import light_prior
from labeling.learning.acquisition import cold_batch, next_batch
from labeling.learning.aggregation import Opinion
from labeling.learning.classifier import Training, fit
from labeling.learning.stacking import sharpen, sharpness
from labeling.models import Campaign, Refresh, Turn
from labeling.worker import Progress

log = logging.getLogger(__name__)

# Below this, a classifier says more about chance than about light.
LEAST_FACES, LEAST_CHOICES = 12, 2
# What rendered faces taught is too sure of photographs (log-loss 3.2 on real ones, a guess: 1.1):
# before the first votes say how much to believe it, it says half of its log-odds.
COLD_POWER = 0.5
# So many faces are put in order: what a class of fifty votes on until the next refresh. What lies
# behind them comes by lot. A cold start may last until features of all faces are made.
BATCH, HEAD = 2000, 10_000
RESTS, MOST_REST_SECONDS = 2.0, 120.0


def refresh(job: Refresh, progress: Progress) -> None:
    """Bring suggestions, consensus and queue of the job's campaign up to date with its votes."""
    # One thread for arrays: on a busy machine a second one waits more than it works.
    with alone(job.campaign), threadpool_limits(1):
        figures = _refresh(job, progress)
    Refresh.objects.filter(id=job.id, attempt=job.attempt).update(figures=figures)


def refresh_and_draw(job: Refresh, progress: Progress) -> None:
    """A refresh, and then the campaign's mean faces, where they are not newly drawn.

    What was learned stands whatever becomes of the drawing: it is tried again after the next one.
    """
    refresh(job, progress)
    try:
        mean_faces.renew(
            job.campaign, lambda done: progress(0.97 + 0.02 * done, f"mean faces, {done:.0%}")
        )
    except (OSError, ValueError):
        log.exception("the mean faces of %s were not drawn", job.campaign.slug)


@contextmanager
def alone(campaign: Campaign) -> Iterator[None]:
    """Hold a campaign's learning: of two workers that refresh it at once, one waits."""
    key = f"refresh of campaign {campaign.id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def _refresh(job: Refresh, progress: Progress) -> dict[str, Any]:
    campaign, laps = job.campaign, Laps()
    progress(0.0, "reading features")
    described = describing.describe(campaign, progress)
    laps.end("features")
    progress(0.6, "counting votes")
    hear = consensus.read_votes(campaign)
    opinion = hear()
    laps.end("votes")
    progress(0.65, "training")
    training, trained_on = train(campaign, described, opinion)
    if training is not None:
        # What it says of faces it has not seen judges annotators who vote alone; who swaps the
        # sides is found so, and the second training hears them rightly.
        opinion = hear(witness=(described.face_ids[trained_on], training.held_out))
        training, trained_on = train(campaign, described, opinion, like=training)
    laps.end("training")
    model = version = kappa = power = None
    held_out: dict[str, float] = {}
    if training is not None:
        progress(0.75, "storing suggestions")
        sure = opinion.likelihood[np.isin(opinion.faces, described.face_ids[trained_on])]
        power = sharpness(training.held_out, sure)
        sharp = replace(
            training.classifier,
            temperature=training.classifier.temperature / power,
            card=training.classifier.card | {"sharpness": power},
        )
        said = sharp.predict(described.vectors)
        classifier = suggestions.keep_classifier(campaign, sharp)
        kappa = suggestions.agreement_with_last(campaign, described.face_ids, said)
        suggestions.store(classifier, described.face_ids, said)
        ordering.propose(campaign, described.face_ids, said)
        version, model = classifier.version, said.copy()
        held_out = {name: classifier.card[name] for name in ("accuracy", "log_loss", "ece")}
        # Of the faces it was trained on, only what it said without them counts as evidence.
        model[trained_on] = sharpen(training.held_out, power)
    else:
        suggest_beforehand(campaign, described)
    laps.end("suggestions")
    progress(0.85, "storing consensus")
    belief = consensus.believe(opinion, described.face_ids, model)
    consensus.store(campaign, belief)
    skills.store(campaign, opinion)
    laps.end("consensus")
    progress(0.9, "ordering the queue")
    reopened = ordering.reopen(campaign, belief)
    n_open = _order_queue(campaign, described, belief if model is not None else None, job.id)
    laps.end("order")
    foretold = None if model is None else looks.indicate(campaign, described.face_ids, model)
    return {
        "faces": len(described.face_ids),
        "votes": int(opinion.n_votes.sum()),
        "faces_with_votes": len(opinion.faces),
        "classifier_version": version,
        "sharpness": power and round(power, 3),
        "kappa_with_last": kappa and round(kappa, 4),
        **held_out,
        "certified_coverage": foretold,
        "reopened": reopened,
        "open": n_open,
        "unreadable": described.unreadable[:20],
        "n_unreadable": len(described.unreadable),
        "features_seconds": laps.seconds["features"],
        "parts": laps.seconds,
        "seconds": round(sum(laps.seconds.values()), 3),
    }


class Laps:
    """How long each part of a refresh took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.since = time.monotonic()

    def end(self, part: str) -> None:
        now = time.monotonic()
        self.seconds[part], self.since = round(now - self.since, 3), now


def train(
    campaign: Campaign, described: Described, opinion: Opinion, like: Training | None = None
) -> tuple[Training | None, np.ndarray]:
    """A classifier from people's votes, and the rows of `described` it saw; None for too few.

    like  one of nearly the same votes: its strength is taken rather than looked for again
    """
    sure = opinion.weight > 0
    rows = np.searchsorted(described.face_ids, opinion.faces[sure])
    rows = np.minimum(rows, max(len(described.face_ids) - 1, 0))
    is_described = (
        described.face_ids[rows] == opinion.faces[sure] if len(described.face_ids) else rows < 0
    )
    rows = rows[is_described]
    targets, weights = opinion.shares[sure][is_described], opinion.weight[sure][is_described]
    n_choices = len(np.unique(targets.argmax(axis=1))) if len(targets) else 0
    if len(rows) < LEAST_FACES or n_choices < LEAST_CHOICES:
        return None, rows
    values = campaign.values
    prior = light_prior.for_choices(campaign.choices) if described.is_about_light else None
    training = fit(
        described.vectors[rows],
        targets,
        mirror_of=consensus.mirror_of(campaign),
        signs=described.reading.signs,
        weights=weights,
        identities=described.identities[rows],
        ridge=like and like.classifier.card["ridge"],
        prior=prior,
        yaw=described.yaw[rows],
        # Principal directions differ in size, and the large ones matter most.
        shares_spread=not described.is_about_light,
        card={
            "feature_version": described.reading.version,
            "choices": values,
            "prior": prior and prior.card["data"],
            "features": described.reading.kind.label,
            "n_votes": int(opinion.n_votes[sure].sum()),
        },
    )
    return training, rows


def suggest_beforehand(campaign: Campaign, described: Described) -> None:
    """Suggest what rendered faces taught of light, until votes teach more.

    Consensus and the queue's order wait for votes: what no person has looked at is no label.
    """
    prior = light_prior.for_choices(campaign.choices) if described.is_about_light else None
    learned = campaign.classifiers.filter(card__n_votes__gt=0)
    if prior is None or not len(described.face_ids) or learned.exists():
        return
    kept = campaign.classifiers.filter(feature_version=described.reading.version).order_by(
        "-version"
    )
    timid = replace(prior, temperature=prior.temperature / COLD_POWER)
    classifier = kept.order_by("-version").first() or suggestions.keep_classifier(campaign, timid)
    said = timid.predict(described.vectors)
    suggestions.store(classifier, described.face_ids, said)
    ordering.propose(campaign, described.face_ids, said)


def _order_queue(campaign: Campaign, described: Described, belief: Belief | None, seed: int) -> int:
    """The queue's head among the turns that want votes; returns how many want some."""
    wanting = Turn.objects.filter(campaign=campaign, kind=Turn.Kind.ASK, wanted__gt=F("had"))
    open_faces = np.array(sorted(wanting.values_list("face_id", flat=True)), dtype=np.int64)
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(np.isin(described.face_ids, open_faces))
    if not len(rows):
        return len(open_faces)
    if belief is None:
        batch = cold_batch(described.contrast[rows], described.yaw[rows], HEAD, rng)
    else:
        believed = np.searchsorted(belief.face_ids, described.face_ids[rows])
        batch = next_batch(
            belief.probabilities[believed],
            described.comparable(rows),
            BATCH,
            rng,
            disputed=belief.asks_more[believed],
        )
    face_ids = described.face_ids[rows]
    ordering.prioritize(campaign, face_ids[batch.rows], batch.reasons, batch.propensity)
    return len(open_faces)


def rest_seconds(refresh_id: int) -> float:
    """How long a waiting refresh should still wait, so that learning leaves room for labeling.

    A campaign rests twice as long as its last refresh took: the worker spends at most a third of
    its time on it, however fast the votes come.
    """
    campaign = Refresh.objects.filter(id=refresh_id).values("campaign")
    last = Refresh.objects.filter(campaign__in=campaign, status=Refresh.Status.DONE)
    newest = last.order_by("-id").first()
    if newest is None or newest.finished_at is None:
        return 0.0
    figures = newest.figures
    # New faces are read once: that is no reason to keep votes waiting.
    learning = figures.get("seconds", 0.0) - figures.get("features_seconds", 0.0)
    rest = min(MOST_REST_SECONDS, RESTS * learning)
    return rest - (timezone.now() - newest.finished_at).total_seconds()

"""Campaigns with audit faces, a model, and blind answers."""

import numpy as np
from django.db import connection

from labeling import jobs, queue, releases, worker
from labeling.models import (
    Classifier,
    Consensus,
    Face,
    Release,
    Suggestion,
    Turn,
    User,
    Vote,
)


def add_faces(dataset, n):
    first = dataset.faces.count() + 1
    names = [f"{i:06d}.jpg" for i in range(first, first + n)]
    yaw = np.linspace(-50, 50, n)
    Face.objects.bulk_create(
        Face(dataset=dataset, filename=name, yaw_degrees=degrees)
        for name, degrees in zip(names, yaw, strict=True)
    )


def campaign_of_two_thousand(dataset):
    """Faces without images, of which nobody has said anything; the dataset brings twelve."""
    add_faces(dataset, 1988)
    with connection.cursor() as cursor:
        # The lot is the database's. Of 95% intervals one in twenty misses: not by chance here.
        cursor.execute("SELECT setseed(0.25)")
    return queue.create_campaign(dataset, "light", title="Light")


def truth_of(face_id):
    return ("left", "center", "right")[face_id % 3]


def suggest(campaign, *, wrong=0.05, seed=0):
    """A model that is unsure of some faces, and wrong among those only."""
    rng = np.random.default_rng(seed)
    classifier = Classifier.objects.create(
        campaign=campaign, version=1, feature_version="none", weights=b"", card={}
    )
    rows = []
    turns = Turn.objects.asked().filter(campaign=campaign).order_by("face_id")
    for face_id in turns.values_list("face_id", flat=True):
        is_unsure = rng.random() < 0.3
        top = rng.uniform(0.5, 0.9) if is_unsure else rng.uniform(0.995, 0.9999)
        best = campaign.values.index(truth_of(face_id))
        if is_unsure and rng.random() < wrong / 0.3:
            best = (best + 1) % 3
        each = [(1 - top) / 2] * 3
        each[best] = top
        rows.append(
            Suggestion(
                campaign=campaign,
                face_id=face_id,
                classifier=classifier,
                choice=campaign.values[best],
                probabilities=[round(p, 6) for p in each],
            )
        )
    Suggestion.objects.bulk_create(rows)
    Consensus.objects.bulk_create(
        Consensus(
            campaign=campaign,
            face_id=row.face_id,
            choice=row.choice,
            probability=max(row.probabilities),
            probabilities=row.probabilities,
            source="model",
        )
        for row in rows
    )


def answer(campaign, turns, choice=None, *, by=("kim", "lee", "max")):
    """Blind answers of some people, the true ones where no choice is given."""
    crew = [User.objects.get_or_create(username=name)[0] for name in by]
    turns = list(turns)
    Vote.objects.bulk_create(
        Vote(turn=turn, annotator=person, choice=choice or truth_of(turn.face_id), source="page")
        for turn in turns
        for person in crew
    )
    ids = [turn.id for turn in turns]
    Turn.objects.filter(id__in=ids, wanted__lt=len(by)).update(wanted=len(by))
    Turn.objects.filter(id__in=ids).update(had=len(by))


def audits_of(campaign):
    return Turn.objects.filter(campaign=campaign, kind="audit").order_by("face_id")


def audit(campaign, n):
    queue.draw_audits(campaign, n)
    answer(campaign, audits_of(campaign).filter(had=0))


def written(campaign, **body):
    release = jobs.ask_release(campaign, user=None, body=body, key="")
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    return release

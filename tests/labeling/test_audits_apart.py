"""Answers on audit faces reach nothing but releases; the dashboard foretells without them."""

import numpy as np
import pytest

from labeling import looks, queue, refreshes, released, releases, worker
from labeling.models import (
    Adjudication,
    AnnotatorSkill,
    Consensus,
    Refresh,
    Release,
    Suggestion,
    Turn,
    User,
)
from tests.labeling.auditing import (
    answer,
    audit,
    audits_of,
    campaign_of_two_thousand,
    suggest,
    written,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(dataset, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return campaign_of_two_thousand(dataset)


def everything_but_audits(campaign):
    """All that learning keeps, of faces that are no audits."""
    audits = audits_of(campaign).values_list("face_id", flat=True)
    rest = {"campaign": campaign}
    return {
        "weights": [bytes(c.weights) for c in campaign.classifiers.order_by("version")][-1:],
        "said": list(
            Suggestion.objects.filter(**rest)
            .order_by("face_id")
            .values_list("face_id", "choice", "probabilities")
        ),
        "believed": list(
            Consensus.objects.filter(**rest)
            .exclude(face__in=audits)
            .order_by("face_id")
            .values_list("face_id", "choice", "probabilities", "source", "n_votes")
        ),
        "skills": list(
            AnnotatorSkill.objects.filter(**rest)
            .exclude(annotator__username__in=["kim", "lee", "max"])
            .order_by("annotator_id")
            .values_list("annotator_id", "confusion", "weight", "accepted_weight", "accuracy")
        ),
        "turns": list(
            Turn.objects.filter(kind="ask", **rest)
            .order_by("id")
            .values_list("suggested", "wanted")
        ),
    }


def refreshed(campaign):
    Refresh.objects.filter(status="queued").delete()
    job = Refresh.objects.create(campaign=campaign)
    worker.run(Refresh, job.id, refreshes.refresh)
    job.refresh_from_db()
    assert (job.status, job.error) == ("done", None)
    return job


def test_nothing_that_is_said_of_audit_faces_reaches_anything_else(dataset_of, people):
    """Votes, wrong votes, last words with and without votes: the learning stays bit for bit."""
    campaign = queue.create_campaign(dataset_of(60), "light", title="Light")
    queue.draw_audits(campaign, 15)
    asked = Turn.objects.filter(kind="ask").select_related("face").order_by("id")
    for turn in asked[:36]:
        side = "right" if int(turn.face.filename[:6]) % 2 else "left"
        answer(campaign, [turn], side, by=("ada", "ben"))
    for turn in asked[:4]:
        side = "right" if int(turn.face.filename[:6]) % 2 else "left"
        Adjudication.objects.create(campaign=campaign, face=turn.face, choice=side, by=people.mia)
    assert refreshed(campaign).figures["classifier_version"] == 1
    before = everything_but_audits(campaign)
    assert len(before["said"]) == 60
    audits = list(audits_of(campaign).select_related("face"))
    answer(campaign, audits[:10], "center")
    for turn in audits[5:]:  # some of them have no vote at all
        Adjudication.objects.create(
            campaign=campaign, face=turn.face, choice="center", by=people.mia
        )
    refreshed(campaign)
    after = everything_but_audits(campaign)
    assert {name for name in before if before[name] != after[name]} == set()


def test_the_dashboard_foretells_without_looking_at_an_answer(campaign):
    suggest(campaign)
    face_ids = np.array(Suggestion.objects.order_by("face_id").values_list("face_id", flat=True))
    said = np.array(Suggestion.objects.order_by("face_id").values_list("probabilities", flat=True))
    assert looks.indicate(campaign, face_ids, said) is None
    queue.draw_audits(campaign, 500)
    before = looks.indicate(campaign, face_ids, said)
    assert before["indicative"] is True
    assert (before["target"], 0 < before["coverage"] < 1) == (0.02, True)
    answer(campaign, audits_of(campaign), "unsure")
    assert looks.indicate(campaign, face_ids, said) == before
    written(campaign, max_error=0.05, confidence=0.9)
    assert looks.indicate(campaign, face_ids, said)["target"] == 0.05


def test_progress_shows_what_the_last_refresh_foretold(dataset_of, people, api):
    campaign = queue.create_campaign(dataset_of(60), "light", title="Light")
    queue.draw_audits(campaign, 10)
    for turn in Turn.objects.filter(kind="ask").select_related("face").order_by("id")[:30]:
        side = "right" if int(turn.face.filename[:6]) % 2 else "left"
        answer(campaign, [turn], side, by=("ada",))
    ask = api(people.mia).get
    assert ask("/api/campaigns/light/progress").json()["certified_coverage"] is None
    refreshed(campaign)
    told = ask("/api/campaigns/light/progress").json()["certified_coverage"]
    assert told == {"indicative": True, "target": 0.02, "coverage": 0.0}  # ten audits show little


def test_a_manager_asks_for_a_certified_release(campaign, people, api):
    suggest(campaign)
    audit(campaign, 300)
    body = {"max_error": 0.05, "confidence": 0.9, "audits": "fresh", "include": ["model"]}
    address = "/api/campaigns/light/releases"
    asked = api(people.mia).post(address, body, format="json")
    assert asked.status_code == 202
    worker.run(Release, asked.json()["id"], releases.write)
    told = api(people.mia).get(asked.json()["url"]).json()["manifest"]["certificate"]
    assert (told["certified"], told["confidence"], told["look"]) == (True, 0.9, 1)
    wrong = api(people.mia).post(address, {"audits": "some"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid")


def test_a_certified_release_can_be_written_again_byte_for_byte(campaign):
    audit(campaign, 300)
    suggest(campaign)
    release = written(campaign, max_error=0.05)
    first = {p.name: p.read_bytes() for p in released.folder_of(release).iterdir()}
    Release.objects.filter(id=release.id).update(status="queued")
    Adjudication.objects.create(
        campaign=campaign,
        face=audits_of(campaign)[0].face,
        choice="unsure",
        by=User.objects.create(username="late"),
    )
    worker.run(Release, release.id, releases.write)
    again = {p.name: p.read_bytes() for p in released.folder_of(release).iterdir()}
    assert again == first

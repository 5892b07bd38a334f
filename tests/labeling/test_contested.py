"""Contested faces: which they are, in what order, and the last word on them."""

import pytest

from labeling import contested, queue
from labeling.models import Act, Adjudication, Consensus, Dataset, Face, Refresh, Turn, Vote


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light", votes_min=1, votes_max=5)


def give(campaign, face, people, *choices, wanted=None):
    turn = campaign.turns.get(face=face)
    for who, choice in zip(
        (people.ada, people.ben, people.rita, people.sam), choices, strict=False
    ):
        Vote.objects.create(turn=turn, annotator=who, choice=choice, source="page")
    turn.had = len(choices)
    turn.wanted = wanted or turn.had
    turn.save()


def believe(campaign, face, choice, probability, source="human"):
    Consensus.objects.create(
        campaign=campaign,
        face=face,
        choice=choice,
        probability=probability,
        probabilities=[probability, 1 - probability, 0],
        source=source,
        n_votes=1,
    )


def files(campaign, **options):
    return [row.filename for row in contested.contested(campaign, **options)]


def test_disagreement_doubt_and_nobody_who_can_tell_are_contested(campaign, faces, people):
    give(campaign, faces[0], people, "left", "left")
    give(campaign, faces[1], people, "left", "left", "right")
    give(campaign, faces[2], people, "unsure", "unsure")
    give(campaign, faces[3], people, "left")
    believe(campaign, faces[3], "left", 0.6)
    give(campaign, faces[4], people, "left", "unsure")
    believe(campaign, faces[4], "left", 0.9)
    believe(campaign, faces[5], "left", 0.4, source="model")  # no vote: not contested by anybody
    assert files(campaign) == ["000003.jpg", "000004.jpg", "000002.jpg"]
    assert contested.count_contested(campaign) == 3
    doubts = [row.doubt for row in contested.contested(campaign)]
    assert doubts == [667, 400, 333]


def test_faces_that_still_get_votes_come_after_those_that_have_all(campaign, faces, people):
    give(campaign, faces[0], people, "left", "right", wanted=3)
    give(campaign, faces[1], people, "left", "left", "right")
    assert files(campaign) == ["000002.jpg", "000001.jpg"]


def test_a_settled_face_is_contested_no_more(campaign, faces, people):
    give(campaign, faces[0], people, "left", "right")
    contested.adjudicate(campaign, faces[0].id, "left", by=people.mia)
    assert files(campaign) == []


def test_lists_go_on_where_they_ended_and_lose_nobody(campaign, faces, people, monkeypatch):
    for face in faces[:9]:
        give(campaign, face, people, "left", "right")  # all alike: the cursor must tell them apart
    seen, after = [], ""
    while page := contested.contested(campaign, after=after, most=2):
        seen += [row.filename for row in page]
        after = page[-1].cursor
    assert sorted(seen) == [face.filename for face in faces[:9]]


@pytest.mark.parametrize("cursor", ["x", "1.2", "1.2.-3", "1.2.3.4", "1.2." + "9" * 30])
def test_a_cursor_of_somebody_s_own_making_is_refused(campaign, people, api, cursor):
    answer = api(people.mia).get("/api/campaigns/light/contested", {"cursor": cursor})
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")


def test_the_api_lists_votes_and_leads_on(campaign, faces, people, api, monkeypatch):
    monkeypatch.setattr("labeling.api.contested.AT_ONCE", 1)
    for face in faces[:2]:
        give(campaign, face, people, "left", "right")
    client = api(people.mia)
    first = client.get("/api/campaigns/light/contested").data
    assert first["results"][0]["votes"] == [
        {"annotator": "ada", "choice": "left"},
        {"annotator": "ben", "choice": "right"},
    ]
    second = client.get(first["next"]).data
    assert second["results"][0]["face"] != first["results"][0]["face"]
    assert client.get(second["next"]).data == {"results": [], "next": None}


def test_the_newest_word_stands_and_earlier_ones_stay(campaign, faces, people, api):
    client = api(people.mia)
    for choice in ("left", "unsure"):
        answer = client.post(
            "/api/campaigns/light/adjudications",
            {"face": faces[0].id, "choice": choice},
            format="json",
        )
        assert answer.status_code == 201
    words = Adjudication.objects.filter(face=faces[0]).order_by("-id")
    assert [word.choice for word in words] == ["unsure", "left"]
    assert {word.by for word in words} == {people.mia}
    deeds = Act.objects.filter(what="face.adjudicate", campaign=campaign).order_by("id")
    assert [(deed.about, deed.details) for deed in deeds] == [
        ("000001.jpg", {"choice": "left"}),
        ("000001.jpg", {"choice": "unsure"}),
    ]
    assert Refresh.objects.filter(campaign=campaign, status="queued").count() == 1


def test_words_on_other_faces_and_other_choices_are_refused(campaign, faces, people, api, dataset):
    hidden = Dataset.objects.create(name="hidden", image_folder="/none", mirrors=dataset)
    twin = Face.objects.create(dataset=hidden, filename=faces[0].filename)
    Turn.objects.create(campaign=campaign, face=twin, kind="mirror", wanted=1)
    client = api(people.mia)
    for face, choice, status in [
        (faces[0].id, "up", 400),
        (10**9, "left", 404),
        (twin.id, "left", 404),
    ]:
        body = {"face": face, "choice": choice}
        answer = client.post("/api/campaigns/light/adjudications", body, format="json")
        assert answer.status_code == status
    assert not Adjudication.objects.exists()

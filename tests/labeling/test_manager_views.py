"""Pages of campaigns and releases, and what no page may do."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling import queue, votes
from labeling.models import Campaign, Consensus, Turn, Vote
from tests.labeling.desks import release_of, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Where is the light?")


def test_a_manager_makes_a_campaign(people, dataset, page):
    body = {"title": "New", "slug": "new", "dataset": dataset.id, "votes_min": 2, "votes_max": 3}
    answer = page(people.mia, "/campaigns", **body)
    assert answer.url == "/campaigns/new"
    assert Turn.objects.filter(campaign__slug="new", wanted=2).count() == 12


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slug": "light"}, "&#x27;light&#x27; is already there"),
        ({"slug": "with space"}, "Enter a valid"),
        ({"votes_min": 3, "votes_max": 2}, "2 is less than the 3"),
        ({"dataset": 999_999}, "Select a valid choice"),
    ],
)
def test_a_campaign_that_cannot_be_is_explained(change, sentence, people, campaign, dataset, page):
    body = {"title": "New", "slug": "new", "dataset": dataset.id, "votes_min": 1, "votes_max": 3}
    answer = page(people.mia, "/campaigns", **{**body, **change})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert Campaign.objects.count() == 1


def test_only_managers_make_campaigns(people, dataset, page):
    body = {"title": "New", "slug": "new", "dataset": dataset.id, "votes_min": 1, "votes_max": 1}
    assert page(people.ada, "/campaigns", **body).status_code == 403
    assert not Campaign.objects.exists()


def test_a_campaign_page_marks_votes_that_nobody_cast_here(people, campaign, page):
    rows = [("000001.jpg", "robot", "left"), ("000002.jpg", "robot", "right")]
    votes.cast_outside(campaign, rows, source=Vote.Source.SIMULATED)
    vote(campaign, people.ada, "unsure")
    answer = page(people.mia, "/campaigns/light/annotators")
    assert [(row["name"], row["votes"]) for row in answer.context["people"]] == [
        ("robot", 2),
        ("ada", 1),
    ]
    assert '<span class="badge warn">simulated</span>' in answer.content.decode()
    answer = page(people.mia, "/campaigns/light")
    counts = {bar["value"]: bar["count"] for bar in answer.context["votes_chart"]}
    assert counts == {"left": 1, "center": 0, "right": 1, "unsure": 1}


def test_bars_are_percents_of_the_longest(people, campaign, faces, page):
    believed = [("left", "human"), ("left", "model"), ("right", "model")]
    for face, (choice, source) in zip(faces, believed, strict=False):
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            source=source,
            probability=0.9,
            probabilities=[0.9, 0.05, 0.05],
        )
    chart = page(people.mia, "/campaigns/light").context["believed_chart"]
    assert [(bar["value"], bar["count"], bar["human"], bar["model"]) for bar in chart] == [
        ("left", 2, "50.00", "50.00"),
        ("center", 0, "0.00", "0.00"),
        ("right", 1, "0.00", "50.00"),
    ]


def test_a_release_page_lists_files_and_promises_nothing_unaudited(people, campaign, page):
    file = {"name": "labels.csv", "bytes": 1234, "sha256": "ab" * 32}
    release = release_of(
        campaign,
        status="done",
        n_labels=1,
        finished_at=campaign.created_at,
        manifest={
            "files": [file],
            "counts": {"left": {"human": 3, "model": 1}, "right": {"human": 0, "model": 2}},
            "certificate": {"certified": False, "reason": "Nothing was audited."},
        },
    )
    answer = page(people.rita, f"/releases/{release.id}")
    text = answer.content.decode()
    assert [(bar["label"], bar["count"], bar["human"]) for bar in answer.context["chart"]] == [
        ("Left", 4, "75.00"),
        ("Right", 2, "0.00"),
    ]
    assert f"/api/releases/{release.id}/files/labels.csv" in text
    assert "ab" * 32 in text
    assert "No error rate is promised.</strong> Nothing was audited." in text


def test_a_failed_release_says_why(people, campaign, page):
    release = release_of(campaign, status="failed", error="The disk is full: 0 of 3 files.")
    assert "The disk is full" in page(people.mia, f"/releases/{release.id}").content.decode()


def test_what_people_write_is_shown_not_run(people, dataset, page):
    queue.create_campaign(dataset, "odd", title="<script>alert(1)</script>")
    for person, path in [(people.ada, "/"), (people.mia, "/campaigns/odd")]:
        text = page(person, path).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("path", ["/login", "/", "/label/light/rubric", "/campaigns/light"])
def test_pages_have_no_inline_script_or_style(path, people, campaign, page):
    people.ada.is_manager = True
    people.ada.save()
    answer = page(people.ada if path != "/login" else None, path)
    text = answer.content.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert " style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="')


def test_an_unknown_address_gets_a_page_of_ours(people, page):
    answer = page(people.ada, "/no-such-page")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_crash_gets_a_page_of_ours(people, campaign, monkeypatch):
    monkeypatch.setattr("labeling.views.home.with_tallies", lambda *_: 1 / 0)
    client = Client(raise_request_exception=False)
    client.force_login(people.ada)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()


@pytest.mark.parametrize(("path", "user"), [("/", "ada"), ("/campaigns", "mia")])
def test_more_campaigns_take_no_more_queries(path, user, people, campaign, dataset):
    client = Client()
    client.force_login(getattr(people, user))

    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    with_one = count_queries()
    for index in range(5):
        queue.create_campaign(dataset, f"light-{index}", title=f"Number {index}")
    assert count_queries() == with_one <= 10


def test_a_hostile_theme_cookie_changes_nothing(people):
    client = Client()
    client.cookies["theme"] = 'dark" onload="alert(1)'
    assert '<html lang="en">' in client.get("/login").content.decode()
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/login").content.decode()

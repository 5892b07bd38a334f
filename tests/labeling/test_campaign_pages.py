"""The managers' pages: forms that make and change campaigns, figures, files, and empty states."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labeling import queue, uploads
from labeling.models import Act, Campaign, Dataset, Import, Vote
from labeling.views import campaigns as pages
from labeling.views import charts


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light")


@pytest.fixture
def mia(people, settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    client = Client()
    client.force_login(people.mia)
    return client


def choice_rows(*rows):
    """The fields of the answers' rows: (label, value, key, mirror)."""
    sent = {"choice-TOTAL_FORMS": 9, "choice-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        for name, text in zip(("label", "value", "key", "mirror"), row, strict=True):
            sent[f"choice-{number}-{name}"] = text
    return sent


def new(dataset, **changes):
    return {"title": "New", "slug": "new", "dataset": dataset.id, **changes}


def text_of(answer):
    return answer.content.decode()


def test_the_form_s_defaults_check_annotators_and_require_the_quiz(mia, dataset):
    assert mia.post("/campaigns", new(dataset)).url == "/campaigns/new"
    made = Campaign.objects.get()
    assert (made.quiz, made.mirror_share, made.known_share) == ("required", 0.02, 0.02)
    assert (made.votes_min, made.votes_max, made.stop_rule) == (1, 3, "risk/1")
    assert not made.shows_suggestions


def test_a_question_of_one_s_own_gets_values_and_mirrors_from_its_rows(mia, dataset):
    rows = choice_rows(
        ("Looks to the left", "", "ArrowLeft", "3"),
        ("Straight", "ahead", "ArrowUp", ""),
        ("Looks to the right", "", "ArrowRight", "1"),
    )
    sent = new(dataset, question="own", prompt="Where do the eyes look?", audit_share="12.5")
    answer = mia.post("/campaigns", sent | rows)
    assert answer.status_code == 302, answer.context["form"].errors
    made = Campaign.objects.get()
    assert made.choices == [
        {
            "value": "looks-to-the-left",
            "label": "Looks to the left",
            "key": "ArrowLeft",
            "mirror": "looks-to-the-right",
        },
        {"value": "ahead", "label": "Straight", "key": "ArrowUp", "mirror": "ahead"},
        {
            "value": "looks-to-the-right",
            "label": "Looks to the right",
            "key": "ArrowRight",
            "mirror": "looks-to-the-left",
        },
    ]
    assert (made.prompt, made.audit_share) == ("Where do the eyes look?", 0.125)


@pytest.mark.parametrize(
    ("changes", "rows", "words"),
    [
        ({"prompt": ""}, [("Yes", "", "y", ""), ("No", "", "n", "")], "Say what annotators"),
        ({}, [("Yes", "", "y", "")], "1 choices came; expected 2 to 9"),
        ({}, [("Yes", "", "y", ""), ("No", "", "y", "")], "expected a different one for each"),
        ({}, [("Yes", "", "y", "2"), ("No", "", "n", "")], "The mirror of"),
        ({}, [("Yes", "", "", ""), ("No", "", "n", "")], "expected an arrow"),
        ({}, [("Yes", "", "z", ""), ("No", "", "n", "")], "Fill in two answers or more"),
        ({"catch_share": 30}, [("Yes", "", "y", ""), ("No", "", "n", "")], "less than or equal"),
    ],
)
def test_a_question_that_cannot_be_asked_is_explained_and_kept(mia, dataset, changes, rows, words):
    sent = new(dataset, question="own", prompt="Does it smile?") | changes | choice_rows(*rows)
    answer = mia.post("/campaigns", sent)
    assert answer.status_code == 400
    assert words in text_of(answer)
    assert 'value="Yes"' in text_of(answer), "what was typed is still there"
    assert not Campaign.objects.exists()


def test_hidden_datasets_are_never_offered(mia, dataset):
    hidden = Dataset.objects.create(name="twins-of-small", image_folder="/none", mirrors=dataset)
    assert "twins-of-small" not in text_of(mia.get("/campaigns"))
    assert mia.post("/campaigns", new(hidden)).status_code == 400


def test_settings_show_what_is_and_store_what_changes(mia, campaign):
    page = mia.get("/campaigns/light/settings")
    assert 'name="blind_share" value="20"' in text_of(page)
    sent = {"title": "Light two", "prompt": "Where?", "votes_max": 5, "mirror_share": "2.5"}
    assert mia.post("/campaigns/light/settings", sent).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.title, campaign.votes_max, campaign.mirror_share) == ("Light two", 5, 0.025)
    act = Act.objects.get()
    assert act.details["was"]["title"] == "Light"


def test_settings_refuse_other_answers_once_there_are_votes(mia, campaign, people):
    Vote.objects.create(
        turn=campaign.turns.first(), annotator=people.ada, choice="left", source="page"
    )
    rows = choice_rows(("Left", "left", "ArrowLeft", ""), ("Right", "right", "ArrowRight", ""))
    answer = mia.post("/campaigns/light/settings", {"title": "T", "prompt": "P"} | rows)
    assert answer.status_code == 400
    assert "there are votes" in text_of(answer)
    campaign.refresh_from_db()
    assert (len(campaign.choices), campaign.title) == (3, "Light")


def test_closing_and_opening_again(mia, campaign):
    mia.post("/campaigns/light/state", {"is_open": "no"})
    assert not Campaign.objects.get().is_open
    assert "Open it again" in text_of(mia.get("/campaigns/light/settings"))
    mia.post("/campaigns/light/state", {"is_open": "yes"})
    assert [act.what for act in Act.objects.order_by("id")] == [
        "campaign.close",
        "campaign.reopen",
    ]


@pytest.mark.parametrize(
    ("asked", "words"),
    [("5", "5 audit faces drawn by lot"), ("500", "12 audit faces drawn"), ("-1", "expected 1 to")],
)
def test_drawing_audits_says_how_many_there_were(mia, campaign, asked, words):
    answer = mia.post("/campaigns/light/audits", {"faces": asked}, follow=True)
    assert words in text_of(answer)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/campaigns/light", "The first vote starts this chart"),
        ("/campaigns/light/annotators", "Nobody has voted yet"),
        ("/campaigns/light/agreement", "Nobody has voted yet"),
        ("/campaigns/light/imports", "No file yet"),
    ],
)
def test_a_campaign_without_votes_says_what_will_come(mia, campaign, path, words):
    assert words in text_of(mia.get(path))


def test_one_annotator_alone_has_votes_and_no_agreement(mia, campaign, people):
    for turn in campaign.turns.all():
        Vote.objects.create(turn=turn, annotator=people.ada, choice="left", source="page")
    assert "Fewer than two faces have two answers" in text_of(mia.get("/campaigns/light/agreement"))
    (ada,) = mia.get("/campaigns/light/annotators").context["people"]
    assert (ada["name"], ada["votes"], ada["skill"]) == ("ada", 12, None)


def test_a_large_campaign_s_page_comes_before_its_counts(mia, campaign, people, monkeypatch):
    monkeypatch.setattr(pages, "LARGE", 0)
    Vote.objects.create(
        turn=campaign.turns.first(), annotator=people.ada, choice="left", source="page"
    )
    for page, part in [
        ("/campaigns/light", "/campaigns/light/charts"),
        ("/campaigns/light/annotators", "/campaigns/light/annotators/table"),
        ("/campaigns/light/agreement", "/campaigns/light/agreement/figures"),
    ]:
        first = text_of(mia.get(page))
        assert f'data-later-url="{part}' in first
        assert "As of" not in first
        fragment = text_of(mia.get(part))
        assert "<html" not in fragment
        assert " UTC" in fragment
        assert "data-later-shown" in text_of(mia.get(page)), "what is at hand is shown at once"


def test_annotators_are_sorted_by_listed_columns_only(mia, campaign, people):
    turns = list(campaign.turns.all())
    for person, n in [(people.ada, 1), (people.ben, 3)]:
        for turn in turns[:n]:
            Vote.objects.create(turn=turn, annotator=person, choice="left", source="page")
    for order, names in [("votes", ["ada", "ben"]), ("-votes", ["ben", "ada"]), ("x", None)]:
        page = mia.get("/campaigns/light/annotators", {"sort": order})
        shown = [person["name"] for person in page.context["people"]]
        assert shown == (names or ["ben", "ada"])
    assert 'aria-sort="ascending"' in text_of(mia.get("/campaigns/light/annotators?sort=votes"))


def test_a_file_is_taken_in_and_its_result_shown(mia, campaign):
    file = SimpleUploadedFile("votes.csv", b"000001.jpg,kim,left\n")
    answer = mia.post("/campaigns/light/imports", {"kind": "votes", "file": file}, follow=True)
    job = Import.objects.get()
    assert (job.status, job.request) == ("queued", {"filename": "votes.csv"})
    assert f'data-job-url="/api/imports/{job.id}"' in text_of(answer)
    job.status, job.figures = "done", {"stored": 1, "duplicate": 4}
    job.save()
    assert "4</span> were there before" in text_of(mia.get("/campaigns/light/imports"))


def test_a_file_that_cannot_be_is_explained_beside_it(mia, campaign, monkeypatch):
    empty = {"kind": "votes", "file": SimpleUploadedFile("votes.csv", b"")}
    assert "empty" in text_of(mia.post("/campaigns/light/imports", empty))
    nameless = {"kind": "labels", "file": SimpleUploadedFile("l.csv", b"000001.jpg,left\n")}
    answer = mia.post("/campaigns/light/imports", nameless)
    assert answer.status_code == 400
    assert "Say by which name" in text_of(answer)
    monkeypatch.setattr(uploads, "MOST_BYTES", 10)
    large = {"kind": "votes", "file": SimpleUploadedFile("votes.csv", b"x" * 11)}
    assert "more than the 0 MB" in text_of(mia.post("/campaigns/light/imports", large))
    assert not Import.objects.exists()


def test_a_file_far_too_large_is_refused_before_it_is_read(mia, campaign, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 1)
    monkeypatch.setattr("labeling.views.imports.ROOM_FOR_FIELDS", 1)
    monkeypatch.setattr("labeling.views.imports._imports_page", lambda *_: 1 / 0)
    sent = {"kind": "votes", "file": SimpleUploadedFile("votes.csv", b"x" * 1000)}
    answer = mia.post("/campaigns/light/imports", sent)
    assert answer.status_code == 413
    assert "too large" in text_of(answer)


def test_a_file_from_another_site_is_refused(people, campaign):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.mia)
    sent = {"kind": "votes", "file": SimpleUploadedFile("votes.csv", b"000001.jpg,kim,left\n")}
    assert client.post("/campaigns/light/imports", sent).status_code == 403
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    ("span", "unit", "n_columns"),
    [
        (timedelta(0), "per hour", 12),
        (timedelta(hours=71), "per hour", 72),
        (timedelta(days=20), "per day", 21),
        (timedelta(days=200), "per 3 days", 67),
    ],
)
def test_votes_over_time_lose_none_and_have_few_columns(span, unit, n_columns):
    began = datetime(2026, 3, 1, 9, tzinfo=UTC)
    hours = [(began, {"left": 2, "unsure": 1})]
    if span:
        hours.append((began + span, {"right": 4}))
    chart = charts.over_time(hours)
    assert charts.per_column(hours) == unit
    assert len(chart.columns) == n_columns
    assert sum(column.total for column in chart.columns) == (7 if span else 3)


def test_stacked_parts_stand_on_each_other():
    chart = charts.columns([("a", [1, 3]), ("b", [2, 0])], ["human", "model"])
    first, second = chart.columns
    assert [(p["kind"], p["y"], p["height"]) for p in first.parts] == [
        ("human", "75.00", "25.00"),
        ("model", "0.00", "75.00"),
    ]
    assert [(p["y"], p["height"]) for p in second.parts] == [("50.00", "50.00")]
    assert charts.columns([("a", [0])], ["human"]) is None


def test_a_whisker_stays_on_its_scale():
    assert charts.whisker({"value": None, "low": None, "high": None}) is None
    assert charts.whisker({"value": 0.5, "low": -0.3, "high": 1.0}) == {
        "x": "50.00",
        "low": "0.00",
        "width": "100.00",
    }
    assert charts.whisker({"value": 0.5, "low": None, "high": None})["width"] == "0.50"

"""What changed between two releases of a campaign, to the face."""

import pytest

from labeling import comparisons, queue
from labeling.errors import Refused
from labeling.models import Release, ReleasedLabel

pytestmark = pytest.mark.django_db


def release(campaign, number, labels, faces):
    made = Release.objects.create(
        campaign=campaign, number=number, status="done", n_labels=len(labels)
    )
    ReleasedLabel.objects.bulk_create(
        ReleasedLabel(
            release=made,
            face=faces[index],
            choice=choice,
            probability=probability,
            probabilities=[],
            source="human",
            n_votes=1,
        )
        for index, (choice, probability) in labels.items()
    )
    return made


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light")


@pytest.fixture
def pair(campaign, faces):
    before = {0: ("left", 0.8), 1: ("left", 0.9), 2: ("center", 0.6), 3: ("right", 0.7)}
    now = {0: ("left", 0.95), 1: ("right", 0.6), 2: ("right", 0.9), 4: ("center", 0.5)}
    return release(campaign, 1, before, faces), release(campaign, 2, now, faces)


def test_labels_are_added_removed_kept_and_changed(pair):
    told = comparisons.compare(*pair)
    assert {name: told[name] for name in ("added", "removed", "same", "changed")} == {
        "added": 1,
        "removed": 1,
        "same": 1,
        "changed": 2,
    }
    assert told["from_to"] == [
        {"from": "center", "to": "right", "n": 1},
        {"from": "left", "to": "right", "n": 1},
    ]
    assert told["kept"] == {"left": 1}
    assert told["mean_shift"] == pytest.approx(0.15)
    assert [(row["at_least"], row["n"]) for row in told["shifts"]] == [
        (0.01, 1),
        (0.1, 1),
        (0.25, 0),
    ]


def test_a_release_beside_itself_has_no_change(pair):
    told = comparisons.compare(pair[0], pair[0])
    assert (told["added"], told["removed"], told["changed"], told["same"]) == (0, 0, 0, 4)
    assert comparisons.changed_faces(pair[0], pair[0]) == []


def test_changed_faces_come_page_by_page_and_each_once(pair, faces, people, api, monkeypatch):
    monkeypatch.setattr(comparisons, "PAGE", 1)
    monkeypatch.setattr(comparisons.changed_faces, "__kwdefaults__", {"after": 0, "count": 1})
    older, newer = pair
    client = api(people.rita)
    first = client.get(f"/api/releases/{newer.id}/compare/{older.id}").data
    assert first["changed"] == 2
    assert first["results"] == [
        {
            "face": faces[1].id,
            "filename": faces[1].filename,
            "from": "left",
            "to": "right",
            "probability_before": 0.9,
            "probability_now": 0.6,
        }
    ]
    second = client.get(first["next"]).data
    assert [row["face"] for row in second["results"]] == [faces[2].id]
    third = client.get(second["next"]).data
    assert third == {"results": [], "next": None}


def test_releases_of_two_campaigns_or_unfinished_ones_are_not_compared(
    pair, dataset, faces, people, api
):
    other = queue.create_campaign(dataset, "other", title="Other")
    stranger = release(other, 1, {0: ("left", 0.9)}, faces)
    with pytest.raises(Refused, match="expected two of the same"):
        comparisons.compare(pair[0], stranger)
    client = api(people.mia)
    answer = client.get(f"/api/releases/{pair[1].id}/compare/{stranger.id}")
    assert (answer.status_code, answer.data["code"]) == (400, "other_campaign")
    waiting = Release.objects.create(campaign=pair[0].campaign, number=3)
    answer = client.get(f"/api/releases/{waiting.id}/compare/{pair[0].id}")
    assert (answer.status_code, answer.data["code"]) == (400, "not_done")
    answer = client.get(f"/api/releases/{pair[1].id}/compare/{pair[0].id}?cursor=x")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid_query")


def test_the_page_shows_the_matrix_and_a_release_links_to_its_predecessor(pair, people, client):
    older, newer = pair
    client.force_login(people.rita)
    page = client.get(f"/releases/{newer.id}/compare/{older.id}").content.decode()
    assert "000002.jpg" in page
    assert "From release 1 to 2" in page
    assert f'href="/releases/{newer.id}/compare/{older.id}"' in (
        client.get(f"/releases/{newer.id}").content.decode()
    )
    assert "/compare/" not in client.get(f"/releases/{older.id}").content.decode()

"""The pages: who sees what, what they say, and how many queries they take."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from labeling import queue, votes
from labeling.models import Campaign
from tests.conftest import People
from tests.labeling.desks import release_of, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Where is the light?")


PAGES = {
    "/": {"ada", "mia", "rita", "sam"},
    "/label/light": {"ada"},
    "/label/light/grid": {"ada"},
    "/label/light/rubric": {"ada"},
    "/label/light/quiz": {"ada"},
    "/campaigns": {"mia"},
    "/campaigns/light": {"mia"},
    "/campaigns/light/rubric": {"mia"},
    "/campaigns/light/quiz": {"mia"},
    "/releases/{release}": {"mia", "rita"},
}


@pytest.mark.parametrize("name", ["ada", "mia", "rita", "sam"])
@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_for_its_roles_and_for_no_others(path, name, people, campaign, page):
    release = release_of(campaign)
    answer = page(getattr(people, name), path.format(release=release.id))
    if name in PAGES[path]:
        assert answer.status_code in {200, 302}
        assert answer.status_code == 200 or answer.url == "/label/light/rubric"
    else:
        assert answer.status_code == 403
        assert b"not for you" in answer.content


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_sent_to_sign_in_and_back(path, campaign, page):
    path = path.format(release=release_of(campaign).id)
    answer = page(None, path)
    assert answer.status_code == 302
    assert answer.url == f"{reverse('login')}?next={path}"


def test_signing_in_leads_on_and_a_wrong_password_is_told(people: People, page):
    wrong = page(None, "/login", username="ada", password="no")
    assert "do not belong together" in wrong.content.decode()
    right = page(None, "/login", username="ada", password=people.password, next="/label/light")
    assert right.status_code == 302
    assert right.url == "/label/light"


def test_sign_in_never_leads_to_another_site(people: People, page):
    answer = page(
        None, "/login", username="ada", password=people.password, next="https://elsewhere.example/"
    )
    assert answer.url == "/"


def test_logging_out_takes_a_post(people, page):
    assert page(people.ada, "/logout").status_code == 405
    client = Client()
    client.force_login(people.ada)
    assert client.post("/logout").url == "/login"
    assert client.get("/").status_code == 302


def test_home_says_what_each_person_can_do_next(people, campaign, page):
    assert "Where is the light?" in page(people.ada, "/").content.decode()
    assert "1 campaign:" in page(people.mia, "/").content.decode()
    assert "nobody has given you a role" in page(people.sam, "/").content.decode()


def test_home_counts_standing_votes_only(people, campaign, page):
    vote(campaign, people.ada)
    votes.withdraw(campaign, people.ada, vote(campaign, people.ada).id)
    assert page(people.ada, "/").context["cards"][0]["own"] == 1


def test_a_closed_campaign_is_gone_for_annotators(people, campaign, page):
    Campaign.objects.update(is_open=False)
    assert page(people.ada, "/label/light").status_code == 404
    assert page(people.ada, "/").context["cards"] == []
    assert page(people.mia, "/campaigns/light").status_code == 200


def test_the_rubric_comes_first_and_once(people, campaign):
    client = Client()
    client.force_login(people.ada)
    assert client.get("/label/light").url == "/label/light/rubric"
    rubric = client.get("/label/light/rubric").content.decode()
    assert "Left and right are yours" in rubric
    assert client.post("/label/light/rubric").url == "/label/light"
    assert client.get("/label/light").status_code == 200


def test_whoever_has_voted_before_has_read_the_rubric(people, campaign, page):
    vote(campaign, people.ada)
    assert page(people.ada, "/label/light").status_code == 200


def test_confirming_one_rubric_does_not_confirm_another(people, campaign, dataset_of):
    queue.create_campaign(dataset_of(2, name="other"), "second", title="Another")
    client = Client()
    client.force_login(people.ada)
    client.post("/label/light/rubric")
    assert client.get("/label/second").url == "/label/second/rubric"


@pytest.mark.parametrize(
    ("path", "script"),
    [("/label/light", "label/label.js"), ("/label/light/grid", "grid/grid.js")],
)
def test_a_labeling_page_asks_for_all_its_scripts_at_once(people, campaign, page, path, script):
    vote(campaign, people.ada)
    static = settings.BASE_DIR / "static"
    needed, unread = set(), [static / script]
    while unread:
        file = unread.pop()
        for name in re.findall(r'from "(\.[^"]+\.js)";', file.read_text()):
            imported = (file.parent / name).resolve()
            if imported not in needed:
                needed.add(imported)
                unread.append(imported)
    text = page(people.ada, path).content.decode()
    early = re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', text)
    assert {static / name for name in early} == needed


def test_the_label_page_hands_the_script_every_address_it_calls(people, campaign, page):
    vote(campaign, people.ada)
    text = page(people.ada, "/label/light").content.decode()
    for name in (
        "api-turns",
        "api-votes",
        "api-withdraw",
        "api-renew",
        "api-release-leases",
        "api-mine",
    ):
        assert f'"{reverse(name, args=["light"])}"' in text
    assert f'"{reverse("api-my-keys")}"' in text
    assert 'data-total="12"' in text
    assert f'data-owner="{people.ada.id}"' in text


def test_another_question_shows_its_own_choices_and_keys(people, dataset, page):
    choices = [
        {"value": "yes", "label": "Smiles", "key": "s", "mirror": "yes"},
        {"value": "no", "label": "Does not", "key": "d", "mirror": "no"},
    ]
    queue.create_campaign(
        dataset, "smile", title="Smiles", prompt="Does this face smile?", choices=choices
    )
    rubric = page(people.ada, "/label/smile/rubric").content.decode()
    assert "Does this face smile?" in rubric
    assert "Smiles <kbd>S</kbd>" in rubric
    assert "the light comes from the left" not in rubric.lower()

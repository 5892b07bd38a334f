"""The guide: built in, in a manager's words and faces, and shown again once it has changed."""

from collections.abc import Callable

import pytest
from django.test import Client

from labeling import queue, rubrics
from labeling.errors import Conflict, Refused
from labeling.models import Act, Adjudication, Campaign, Dataset, Face, Turn, Vote
from tests.conftest import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Light")


@pytest.fixture
def as_person() -> Callable[..., Client]:
    def make(user: object) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


def form(campaign: Campaign, **changes: object) -> dict[str, object]:
    """What the page would send as it stands, with changes."""
    body: dict[str, object] = {"act": "save", "notes": ""}
    body["version"] = rubrics.read_rubric(campaign).version
    for value in [*campaign.values, "unsure"]:
        body[f"text-{value}"] = rubrics.text_of(campaign, value)
        body[f"more-{value}"] = ""
    return body | {name.replace("__", "-"): value for name, value in changes.items()}


def test_a_manager_writes_the_guide_and_annotators_read_it(campaign, people: People, as_person):
    body = form(
        campaign, text__left="Look at\r\nthe left cheek.", more__left="000003.jpg\n000001.jpg"
    )
    answer = as_person(people.mia).post("/campaigns/light/rubric", body | {"notes": "Be kind."})
    assert answer.url == "/campaigns/light/rubric"
    campaign.refresh_from_db()
    ids = [campaign.dataset.faces.get(filename=f"00000{n}.jpg").id for n in (3, 1)]
    assert campaign.rubric == {
        "version": 1,
        "notes": "Be kind.",
        "choices": {"left": {"text": "Look at\nthe left cheek.", "faces": ids}},
    }
    text = as_person(people.ada).get("/label/light/rubric").content.decode()
    assert "Look at<br>the left cheek." in text
    assert "Be kind." in text
    assert f'src="/api/faces/{ids[0]}/image"' in text
    assert text.index(f"/api/faces/{ids[0]}/image") < text.index(f"/api/faces/{ids[1]}/image")
    assert "examples/left-clear" not in text
    assert "examples/right-clear" in text
    assert as_person(people.ada).get(f"/api/faces/{ids[0]}/image").status_code == 200


def test_a_change_of_the_guide_is_on_record(campaign, people, as_person):
    as_person(people.mia).post("/campaigns/light/rubric", form(campaign, notes="Be kind."))
    act = Act.objects.get(what="rubric.change")
    assert (act.by, act.about, act.campaign) == (people.mia, "light", campaign)
    assert (act.details["changed"], act.details["rubric"]["notes"]) == (["notes"], "Be kind.")


def test_storing_the_guide_as_it_is_changes_nothing(campaign, people, as_person):
    as_person(people.mia).post("/campaigns/light/rubric", form(campaign))
    campaign.refresh_from_db()
    assert campaign.rubric == {}
    assert not Act.objects.exists()


def test_what_a_manager_writes_is_shown_not_run(campaign, people, as_person):
    body = form(campaign, text__left="<script>alert(1)</script>", notes="<b>bold</b>")
    as_person(people.mia).post("/campaigns/light/rubric", body)
    for person, path in [
        (people.ada, "/label/light/rubric"),
        (people.mia, "/campaigns/light/rubric"),
    ]:
        text = as_person(person).get(path).content.decode()
        assert "<script>alert" not in text
        assert "<b>bold" not in text
        assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"more__left": "nobody.jpg"}, "Left: there is no face &#x27;nobody.jpg&#x27;"),
        ({"more__unsure": "../secret.jpg"}, "Can&#x27;t tell: there is no face"),
        ({"more__left": "\n".join(f"{n:06d}.jpg" for n in range(1, 10))}, "9 example faces came"),
        ({"text__center": "x" * 1001}, "Center: 1001 characters came; expected at most 1000"),
        ({"notes": "x" * 4001}, "4001 characters came"),
    ],
)
def test_what_can_t_be_a_guide_is_explained_and_kept_in_the_form(
    changes, sentence, campaign, people, as_person
):
    answer = as_person(people.mia).post("/campaigns/light/rubric", form(campaign, **changes))
    text = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in text
    assert str(next(iter(changes.values()))).splitlines()[0] in text
    campaign.refresh_from_db()
    assert campaign.rubric == {}


def test_a_refused_guide_keeps_the_faces_that_were_ticked(campaign, people, faces, as_person):
    body = form(campaign, faces__left=["000002.jpg", "gone.jpg"], more__left="nobody.jpg")
    answer = as_person(people.mia).post("/campaigns/light/rubric", body)
    assert answer.status_code == 400
    assert answer.context["answers"][0]["faces"] == {faces[1].id: "000002.jpg"}


def test_faces_of_other_datasets_and_flipped_ones_are_no_examples(campaign, dataset_of):
    other = dataset_of(20, name="other")
    with pytest.raises(Refused, match=r"000015\.jpg"):
        rubrics.find_faces(campaign, ["000015.jpg"])
    flipped = Dataset.objects.create(
        name="flipped", image_folder=campaign.dataset.image_folder, mirrors=campaign.dataset
    )
    twin = Face.objects.create(dataset=flipped, filename="000001.jpg")
    Turn.objects.create(campaign=campaign, face=twin, kind="mirror", wanted=1)
    own = campaign.dataset.faces.get(filename="000001.jpg")
    assert rubrics.find_faces(campaign, ["000001.jpg", "000001.jpg"]) == [own.id]
    assert other.faces.filter(filename="000001.jpg").exists()


def test_looking_at_a_draft_stores_nothing(campaign, people, as_person):
    body = form(campaign, notes="Only a thought.") | {"act": "preview"}
    answer = as_person(people.mia).post("/campaigns/light/rubric", body)
    assert answer.status_code == 200
    assert "not stored yet" in answer.content.decode()
    assert answer.content.decode().count("Only a thought.") == 2
    campaign.refresh_from_db()
    assert campaign.rubric == {}


def test_the_built_in_guide_comes_back_by_one_button(campaign, people, as_person):
    mia = as_person(people.mia)
    mia.post("/campaigns/light/rubric", form(campaign, notes="Be kind.", more__left="000001.jpg"))
    campaign.refresh_from_db()
    mia.post("/campaigns/light/rubric", form(campaign) | {"act": "reset"})
    campaign.refresh_from_db()
    assert campaign.rubric == {"version": 2, "notes": "", "choices": {}}
    assert (
        "examples/left-clear" in as_person(people.ada).get("/label/light/rubric").content.decode()
    )


def test_two_managers_do_not_overwrite_each_other_unknowing(campaign, people, as_person):
    mia, first = as_person(people.mia), form(campaign, notes="First.")
    second = form(campaign, notes="Second.")
    mia.post("/campaigns/light/rubric", first)
    answer = mia.post("/campaigns/light/rubric", second)
    assert answer.status_code == 400
    assert "Somebody else has changed the guide" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.rubric["notes"] == "First."
    again = answer.context["version"]
    mia.post("/campaigns/light/rubric", second | {"version": again})
    campaign.refresh_from_db()
    assert campaign.rubric["notes"] == "Second."
    with pytest.raises(Conflict):
        rubrics.change(campaign, rubrics.built_in(1), by=people.mia)


def test_settled_faces_are_suggested_as_examples(campaign, people, faces, as_person):
    Adjudication.objects.create(campaign=campaign, face=faces[4], choice="left", by=people.mia)
    answer = as_person(people.mia).get("/campaigns/light/rubric")
    rows = {row["value"]: row for row in answer.context["answers"]}
    assert rows["left"]["suggested"] == {faces[4].id: "000005.jpg"}
    assert rows["right"]["suggested"] == {}


@pytest.mark.parametrize("name", ["ada", "rita", "sam"])
@pytest.mark.parametrize("path", ["/campaigns/light/rubric", "/campaigns/light/quiz"])
def test_only_managers_write_guides_and_see_who_passed(path, name, campaign, people, as_person):
    client = as_person(getattr(people, name))
    assert client.get(path).status_code == 403
    assert client.post("/campaigns/light/rubric", form(campaign, notes="x")).status_code == 403
    assert client.post("/campaigns/light/quiz/excuse", {"annotator": "ada"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.rubric == {}


def test_a_changed_guide_is_shown_once_to_whoever_read_the_old_one(campaign, people, as_person):
    ada, ben = as_person(people.ada), as_person(people.ben)
    ada.post("/label/light/rubric")
    assert ada.get("/label/light").status_code == 200
    as_person(people.mia).post("/campaigns/light/rubric", form(campaign, notes="New."))
    assert ada.get("/label/light").url == "/label/light/rubric"
    assert "The guide has changed" in ada.get("/label/light/rubric").content.decode()
    assert "The guide has changed" not in ben.get("/label/light/rubric").content.decode()
    assert ada.post("/label/light/rubric").url == "/label/light"
    assert as_person(people.ada).get("/label/light").status_code == 200


def test_whoever_voted_without_confirming_is_told_of_a_change_too(campaign, people, as_person):
    turn = campaign.turns.first()
    Vote.objects.create(turn=turn, annotator=people.ada, choice="left", source="api")
    assert rubrics.version_read(campaign, people.ada) == 0
    assert as_person(people.ada).get("/label/light").status_code == 200
    rubrics.change(campaign, rubrics.Rubric(0, "New.", {}, {}), by=people.mia)
    assert as_person(people.ada).get("/label/light").url == "/label/light/rubric"


def test_the_guide_names_the_keys_that_this_person_presses(campaign, people, as_person):
    people.ada.key_layout = "left_hand"
    people.ada.save()
    guide = as_person(people.ada).get("/label/light/rubric").context["guide"]
    assert [section["on_key"] for section in guide["sections"]] == ["A", "S", "D", "F"]


def test_another_question_gets_its_choices_and_the_manager_s_words(dataset, people, as_person):
    choices = [
        {"value": "yes", "label": "Smiles", "key": "s", "mirror": "yes"},
        {"value": "no", "label": "Does not", "key": "d", "mirror": "no"},
    ]
    smile = queue.create_campaign(
        dataset, "smile", title="Smiles", prompt="Does it smile?", choices=choices
    )
    rubrics.change(smile, rubrics.Rubric(0, "", {"yes": "Teeth show."}, {}), by=people.mia)
    text = as_person(people.ada).get("/label/smile/rubric").content.decode()
    assert "Teeth show." in text
    assert "please do not guess" in text
    assert "cheek" not in text
    assert "label/examples" not in text


def test_an_example_face_that_is_gone_leaves_a_gap_and_no_crash(campaign, people, as_person):
    rubrics.change(campaign, rubrics.Rubric(0, "", {}, {"left": [999_999]}), by=people.mia)
    guide = as_person(people.ada).get("/label/light/rubric").context["guide"]
    assert "examples/left-clear" in guide["sections"][0]["examples"][0]["src"]

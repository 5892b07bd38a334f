"""Making a campaign and changing what may still change of one."""

import pytest

from labeling import campaigns, queue
from labeling.errors import Conflict, Refused
from labeling.models import Act, Campaign, Dataset, Turn, Vote

SMILE = [
    {"value": "yes", "label": "Smiles", "key": "s", "mirror": "yes"},
    {"value": "no", "label": "Does not", "key": "d", "mirror": "no"},
]


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light")


def body(**changes):
    return {"slug": "smile", "title": "Smiles", "dataset": "small", **changes}


def test_a_manager_makes_a_campaign_with_a_question_of_their_own(dataset, people, api):
    sent = body(prompt="Does this face smile?", choices=SMILE, votes_min=2, mirror_share=0.02)
    answer = api(people.mia).post("/api/campaigns", sent, format="json")
    assert answer.status_code == 201, answer.data
    assert answer.data["choices"] == SMILE
    assert answer.data["policy"]["mirror_share"] == 0.02
    assert Turn.objects.filter(campaign__slug="smile", wanted=2).count() == 12
    deed = Act.objects.get()
    assert (deed.by, deed.what, deed.about) == (people.mia, "campaign.create", "smile")


def test_without_choices_the_question_is_the_built_in_one(dataset, people, api):
    answer = api(people.mia).post("/api/campaigns", body(), format="json")
    assert [choice["value"] for choice in answer.data["choices"]] == ["left", "center", "right"]
    assert answer.data["prompt"] == queue.ILLUMINATION_PROMPT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slug": "light"}, "campaign_exists"),
        ({"dataset": "hidden"}, "not_found"),
        ({"dataset": "none"}, "not_found"),
        ({"choices": SMILE}, "invalid"),
        ({"votes_min": 3, "votes_max": 2}, "invalid_policy"),
        ({"votes_min": 4}, "invalid_policy"),  # more than the votes_max that it then has
        ({"blind_share": 0.1}, "invalid_policy"),
        ({"mirror_share": 0.5}, "invalid_policy"),
        ({"lease_seconds": 5}, "invalid_policy"),
        ({"stop_rule": "never"}, "invalid_policy"),
        ({"quiz": "twice"}, "invalid_policy"),
        ({"colour": "red"}, "invalid"),
    ],
)
def test_a_campaign_that_cannot_be_is_explained(campaign, dataset, people, api, changes, code):
    Dataset.objects.create(name="hidden", image_folder="/none", mirrors=dataset)
    answer = api(people.mia).post("/api/campaigns", body(**changes), format="json")
    assert answer.data["code"] == code
    assert answer.status_code in (400, 404, 409)
    assert Campaign.objects.count() == 1
    assert not Act.objects.exists()


def choice(**changes):
    return {"value": "yes", "label": "Yes", "key": "s", "mirror": "yes", **changes}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ([SMILE[0]], "1 choices came; expected 2 to 9"),
        ("yes", "'yes' choices came"),
        ([choice(value=f"v{i}", mirror=f"v{i}") for i in range(10)], "10 choices came"),
        ([choice(), "no"], "A choice is 'no'"),
        ([choice(), choice(value="unsure", mirror="unsure")], "not 'unsure'"),
        ([choice(), choice(value="Nein!")], "value is 'Nein!'"),
        ([choice(), choice(value="no", key="z")], "key of 'no' is 'z'"),
        ([choice(), choice(value="no", key="1")], "key of 'no' is '1'"),
        ([choice(), choice(value="no", label=" ", key="d")], "label is ''"),
        ([choice(), choice(value="no", key="d", mirror="no")], "expected a different one"),
        ([choice(), choice(value="no", label="No", mirror="no")], "keys are"),
        ([choice(), choice(value="no", label="No", key="d")], "mirror of 'no' is 'yes'"),
        ([choice(), {"value": "no"}], "expected \\['value', 'label', 'key', 'mirror'\\]"),
        ([choice(), choice(value=3)], "expected words only"),
    ],
)
def test_choices_that_contradict_each_other_are_explained(choices, words):
    with pytest.raises(Refused, match=words):
        campaigns.read_choices(choices)


def test_every_key_on_offer_is_taken():
    for key in campaigns.KEYS:
        other = choice(value="no", label="No", key="s" if key != "s" else "d", mirror="no")
        campaigns.read_choices([choice(key=key), other])


def test_a_change_is_recorded_with_what_was_before(campaign, people, api):
    client = api(people.mia)
    sent = {"title": "Light, again", "votes_max": 3, "is_open": False}
    answer = client.patch("/api/campaigns/light", sent, format="json")
    assert answer.status_code == 200, answer.data
    assert (answer.data["title"], answer.data["policy"]["is_open"]) == ("Light, again", False)
    deeds = {deed.what: deed.details for deed in Act.objects.all()}
    assert deeds == {
        "campaign.close": {},
        "campaign.change": {"was": {"title": "Light"}, "now": {"title": "Light, again"}},
    }
    client.patch("/api/campaigns/light", {"is_open": True}, format="json")
    assert Act.objects.latest("id").what == "campaign.reopen"
    client.patch("/api/campaigns/light", {"is_open": True}, format="json")
    assert Act.objects.count() == 3, "what stays the same is no deed"


@pytest.mark.parametrize("field", ["slug", "dataset"])
def test_what_a_campaign_is_about_never_changes(campaign, people, api, field):
    answer = api(people.mia).patch("/api/campaigns/light", {field: "other"}, format="json")
    assert answer.status_code == 400
    with pytest.raises(Refused, match=field):
        campaigns.change(campaign, by=people.mia, **{field: "other"})


def test_once_there_are_votes_only_labels_and_keys_of_choices_change(campaign, faces, people):
    others = [{**one, "value": one["value"] + "-side"} for one in queue.ILLUMINATION]
    for one, mirror in zip(others, ("right-side", "center-side", "left-side"), strict=True):
        one["mirror"] = mirror
    campaigns.change(campaign, by=people.mia, choices=others)
    campaigns.change(campaign, by=people.mia, choices=queue.ILLUMINATION)
    turn = campaign.turns.first()
    Vote.objects.create(turn=turn, annotator=people.ada, choice="left", source="page")
    with pytest.raises(Conflict, match="there are votes"):
        campaigns.change(campaign, by=people.mia, choices=others)
    relabeled = [{**one, "label": one["label"].upper()} for one in queue.ILLUMINATION]
    assert campaigns.change(campaign, by=people.mia, choices=relabeled).choices == relabeled


def test_votes_max_is_never_less_than_the_votes_min_that_stays(campaign, people):
    campaigns.change(campaign, by=people.mia, votes_min=3)
    with pytest.raises(Refused, match="expected at least the 3"):
        campaigns.change(campaign, by=people.mia, votes_max=2)


def test_more_votes_wanted_reach_every_face_and_fewer_only_untouched_ones(
    campaign, faces, people, monkeypatch
):
    monkeypatch.setattr(campaigns, "TURNS_AT_ONCE", 5)
    audit = campaign.turns.order_by("id").last()
    Turn.objects.filter(id=audit.id).update(kind="audit", wanted=4)
    Turn.objects.filter(face=faces[0]).update(had=1, wanted=1, closing_rule="risk/1")
    campaigns.change(campaign, by=people.mia, votes_min=2)
    asked = campaign.turns.exclude(id=audit.id)
    assert set(asked.values_list("wanted", flat=True)) == {2}
    assert campaign.turns.get(face=faces[0]).closing_rule == ""
    campaigns.change(campaign, by=people.mia, votes_min=1)
    assert campaign.turns.get(face=faces[0]).wanted == 2
    assert set(asked.exclude(face=faces[0]).values_list("wanted", flat=True)) == {1}
    audit.refresh_from_db()
    assert audit.wanted == 4


def test_drawn_audits_are_recorded_with_how_many_there_were(campaign, people, api):
    answer = api(people.mia).post("/api/campaigns/light/audits", {"faces": 20}, format="json")
    assert (answer.status_code, answer.data) == (201, {"drawn": 12})
    assert campaign.turns.filter(kind="audit", wanted=campaign.audit_votes).count() == 12
    deed = Act.objects.get()
    assert (deed.what, deed.details) == ("audit.draw", {"asked": 20, "drawn": 12})

"""Campaigns as projects: what a client may say of them, and what stays ours."""

import pytest

from labeling import queue
from labeling.label_studio.configs import read_config
from labeling.models import Act, Campaign
from tests.labeling.label_studio.client import LIGHT, said


@pytest.fixture
def create(ask, people):
    def send(**body: object) -> object:
        return ask(
            people.mia, "post", "projects/", {"title": "Light", "label_config": LIGHT} | body
        )

    return send


@pytest.fixture
def change(ask, people):
    def send(project: int, **body: object) -> object:
        return ask(people.mia, "patch", f"projects/{project}/", body)

    return send


def test_projects_of_one_title_get_different_names(create):
    slugs = [Campaign.objects.get(id=create().data["id"]).slug for _ in range(3)]
    assert slugs[0] == "light"
    assert all(slug.startswith("light-") for slug in slugs[1:])
    assert len(set(slugs)) == 3


@pytest.mark.parametrize("title", ["Свет", "a" * 120, "—", "Light & shade, 2"])
def test_any_title_makes_a_name_for_addresses(create, title):
    answer = create(title=title)
    assert answer.data["title"] == title
    assert Campaign.objects.get(id=answer.data["id"]).dataset.name.startswith("label-studio-")


def test_redundancy_is_what_the_client_says_or_the_campaign_s_own(create):
    plain, two = create().data, create(maximum_annotations=2).data
    assert (plain["maximum_annotations"], two["maximum_annotations"]) == (3, 2)
    campaign = Campaign.objects.get(id=two["id"])
    assert (campaign.votes_min, campaign.votes_max) == (2, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "  "),
        ("title", None),
        ("title", 3),
        ("title", "a" * 121),
        ("title", "a\0"),
        ("title", "\ud800"),
        ("description", 3),
        ("description", "a" * 10_001),
        ("label_config", None),
        ("label_config", LIGHT.replace("center", "left")),
        ("label_config", LIGHT.replace("center", "unsure")),
        ("is_published", "yes"),
        ("maximum_annotations", 0),
        ("maximum_annotations", 21),
        ("maximum_annotations", True),
        ("maximum_annotations", "2"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_its_field(create, change, field, value):
    made = create().data["id"]
    for refused in (create(**{field: value}), change(made, **{field: value})):
        assert refused.status_code == 400
        assert list(refused.data["validation_errors"]) == [field]
    assert Campaign.objects.count() == 1
    assert Act.objects.count() == 1


def test_settings_that_mean_nothing_here_do_no_harm(create):
    answer = create(color="#123456", sampling="Sequential sampling", show_skip_button=False)
    assert answer.status_code == 201


def test_a_question_can_be_changed_until_there_are_tasks(create, change, ask, people, faces):
    made = create().data["id"]
    yes_no = """<View><Image name="i" value="$photo"/><Choices name="c" toName="i">
        <Choice value="yes"/><Choice value="no"/></Choices></View>"""
    assert change(made, label_config=yes_no).data["label_config"] == yes_no
    assert Campaign.objects.get(id=made).values == ["yes", "no"]
    ask(people.mia, "post", f"projects/{made}/import", [{"photo": "000001.jpg"}])
    assert "$photo" in change(made, label_config=LIGHT).data["validation_errors"]["label_config"][0]
    task = ask(people.mia, "get", f"tasks?project={made}").data["tasks"][0]["id"]
    answer = {"from_name": "c", "to_name": "i", "type": "choices", "value": {"choices": ["yes"]}}
    assert ask(people.ada, "post", f"tasks/{task}/annotations", {"result": [answer]}).data["id"]
    other = yes_no.replace("no", "perhaps")
    refused = change(made, label_config=other)
    assert (refused.status_code, refused.data["status_code"]) == (400, 400)
    assert "Make another campaign" in refused.data["detail"]
    renamed = yes_no.replace('"c"', '"answer"').replace('"yes"', '"Yes" alias="yes"')
    assert change(made, label_config=renamed, maximum_annotations=3).status_code == 200
    assert Campaign.objects.get(id=made).choices[0]["label"] == "Yes"
    assert Campaign.objects.get(id=made).turns.get().wanted == 3
    listed = ask(people.mia, "get", f"tasks?project={made}").data["tasks"][0]["annotations"][0]
    assert (listed["result"][0]["from_name"], listed["result"][0]["value"]) == (
        "answer", {"choices": ["yes"]},
    )  # fmt: skip


def test_changes_are_among_the_manager_s_acts(create, change):
    made = create().data["id"]
    change(made, title="Light and shade", description="A class", color="red")
    change(made, is_published=False)
    change(made, color="blue")
    deeds = Act.objects.order_by("id").values_list("what", flat=True)
    assert list(deeds) == ["campaign.create", "campaign.change", "campaign.close"]
    assert Act.objects.get(what="campaign.change").details["now"] == {"title": "Light and shade"}


def test_a_campaign_of_ours_has_a_config_for_its_choices(ask, people, dataset):
    campaign = queue.create_campaign(
        dataset,
        "glasses",
        title="Glasses",
        prompt="Glasses <on>?",
        choices=[
            {"value": "yes", "label": "Yes & no", "key": "y", "mirror": "yes"},
            {"value": "no", "label": "No", "key": "ArrowUp", "mirror": "no"},
        ],
    )
    shown = ask(people.mia, "get", f"projects/{campaign.id}/").data
    read = read_config(shown["label_config"])
    assert (read.prompt, read.choices) == (campaign.prompt, campaign.choices)
    assert shown["parsed_label_config"]["choice"]["labels"] == ["yes", "no"]
    assert (shown["task_number"], shown["created_by"]) == (12, None)


def test_a_description_of_a_campaign_of_ours_is_kept_without_changing_it(change, dataset):
    campaign = queue.create_campaign(dataset, "light", title="Light")
    assert change(campaign.id, description="A class").data["description"] == "A class"
    campaign.refresh_from_db()
    assert campaign.choices == queue.ILLUMINATION


def test_choices_changed_on_our_pages_show_under_the_client_s_names(create, ask, people):
    made = create().data["id"]
    choices = [
        {"value": value, "label": value, "key": key, "mirror": value}
        for value, key in (("yes", "y"), ("no", "n"))
    ]
    Campaign.objects.filter(id=made).update(choices=choices, prompt="Glasses?")
    read = read_config(ask(people.mia, "get", f"projects/{made}/").data["label_config"])
    assert (read.values, read.prompt) == (["yes", "no"], "Glasses?")
    assert (read.choices_name, read.image_name, read.image_key) == ("light", "face", "picture")


def test_counts_tell_answers_from_skipped_tasks(create, ask, people, faces):
    made = create().data["id"]
    tasks = [{"picture": face.filename} for face in faces[:3]]
    path = f"projects/{made}/import?return_task_ids=true"
    first, second, _ = ask(people.mia, "post", path, tasks).data["task_ids"]
    ask(people.ada, "post", f"tasks/{first}/annotations", said("left"))
    skipped = {"result": [], "was_cancelled": True}
    ask(people.ada, "post", f"tasks/{second}/annotations", skipped)
    shown = ask(people.ada, "get", f"projects/{made}").data
    counts = (
        "task_number", "finished_task_number", "num_tasks_with_annotations",
        "total_annotations_number", "skipped_annotations_number",
    )  # fmt: skip
    assert [shown[name] for name in counts] == [3, 2, 2, 1, 1]
    (listed,) = ask(people.mia, "get", f"projects?ids=1,{made}&title=lig").data["results"]
    assert listed == ask(people.mia, "get", f"projects/{made}").data

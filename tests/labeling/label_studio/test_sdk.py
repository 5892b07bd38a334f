"""The whole path with the real SDK: a project, tasks, annotations, exports."""

import json

import httpx
import pytest
from label_studio_sdk import Client
from label_studio_sdk.converter import Converter
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.label_interface import LabelInterface

from labeling import queue
from labeling.models import Campaign, Vote
from tests.labeling.label_studio.client import LIGHT, said, token_of


@pytest.fixture
def mia(sdk, people):
    return sdk(people.mia)


@pytest.fixture
def ada(sdk, people):
    return sdk(people.ada)


@pytest.fixture
def project(mia, faces):
    project = mia.projects.create(title="Light of faces", label_config=LIGHT)
    mia.projects.import_tasks(
        project.id, request=[{"picture": face.filename, "of": 7} for face in faces[:4]]
    )
    return project


def test_the_sdk_knows_who_it_speaks_for(ada, people):
    me = ada.users.whoami()
    assert (me.id, me.username) == (people.ada.id, "ada")


def test_a_project_is_made_found_and_changed(mia, people):
    made = mia.projects.create(title="Light of faces", label_config=LIGHT, description="A class")
    assert (made.title, made.label_config, made.created_by.id) == (
        "Light of faces", LIGHT, people.mia.id,
    )  # fmt: skip
    found = mia.projects.get(made.id)
    assert found.get_label_interface().get_control("light").labels == ["left", "center", "right"]
    mia.projects.update(made.id, title="Light and shade")
    assert [one.title for one in mia.projects.list()] == ["Light and shade"]
    campaign = Campaign.objects.get(id=made.id)
    assert (campaign.slug, campaign.prompt) == ("light-of-faces", "Where does the light come from?")


def test_projects_come_in_pages(mia):
    for number in range(5):
        mia.projects.create(title=f"Light {number}", label_config=LIGHT)
    pager = mia.projects.list(page_size=2)
    assert (pager.response.count, len(pager.items)) == (5, 2)
    assert sorted(one.title for one in pager) == [f"Light {number}" for number in range(5)]


def test_tasks_come_back_as_they_were_sent(mia, project, faces):
    tasks = list(mia.tasks.list(project=project.id, page_size=3))
    assert [task.data for task in tasks] == [
        {"picture": face.filename, "of": 7} for face in faces[:4]
    ]
    one = mia.tasks.get(tasks[0].id)
    assert (one.data, one.annotations, one.is_labeled) == (tasks[0].data, [], False)
    assert mia.projects.get(project.id).task_number == 4


def test_an_annotator_labels_through_the_sdk(mia, ada, project, people):
    task = next(iter(ada.tasks.list(project=project.id)))
    made = ada.annotations.create(task.id, **said("left", lead_time=1.5))
    assert (made.task, made.completed_by, made.lead_time) == (task.id, people.ada.id, 1.5)
    assert ada.annotations.get(made.id).result == made.result
    assert [one.id for one in ada.annotations.list(task.id)] == [made.id]
    assert [one.id for one in mia.annotations.list(task.id)] == [made.id]
    vote = Vote.objects.get()
    assert (vote.choice, vote.annotator, vote.turn_id, vote.source) == (
        "left", people.ada, task.id, "api",
    )  # fmt: skip
    assert mia.tasks.get(task.id).is_labeled


def test_a_changed_answer_keeps_its_number(ada, project):
    task = next(iter(ada.tasks.list(project=project.id)))
    made = ada.annotations.create(task.id, **said("left"))
    changed = ada.annotations.update(made.id, **said("right"))
    assert changed.id == made.id
    assert changed.result[0]["value"] == {"choices": ["right"]}
    assert [one.choice for one in Vote.objects.order_by("revision")] == ["left", None, "right"]


def test_a_deleted_answer_is_a_withdrawal(ada, project):
    task = next(iter(ada.tasks.list(project=project.id)))
    made = ada.annotations.create(task.id, **said("left"))
    ada.annotations.delete(made.id)
    assert ada.annotations.list(task.id) == []
    assert [one.choice for one in Vote.objects.order_by("revision")] == ["left", None]
    again = ada.annotations.create(task.id, **said("left"))
    assert [one.id for one in ada.annotations.list(task.id)] == [again.id]


def test_next_hands_out_the_queue(live_server, ada, project, people):
    address = f"{live_server.url}/label-studio/api/projects/{project.id}/next"
    headers = {"Authorization": f"Token {token_of(people.ada)}"}
    given = []
    while (answer := httpx.get(address, headers=headers)).status_code == 200:
        given.append(answer.json()["id"])
        ada.annotations.create(given[-1], **said("center"))
    assert answer.status_code == 404
    assert set(answer.json()) >= {"id", "status_code", "version", "detail", "exc_info"}
    assert sorted(given) == [task.id for task in ada.tasks.list(project=project.id)]


@pytest.fixture
def exported(live_server, mia, ada, sdk, people, project):
    """exported(format) is the text of the project's export, with answers of two people."""
    ben = sdk(people.ben)
    for task, choice in zip(mia.tasks.list(project=project.id), ("left", "right"), strict=False):
        ada.annotations.create(task.id, **said(choice, lead_time=2.5))
    tasks = [task.id for task in mia.tasks.list(project=project.id)]
    ben.annotations.create(tasks[2], **said("center"))
    ben.annotations.create(tasks[3], result=[], was_cancelled=True)

    def export(export_type: str, **more: object) -> str:
        answer = httpx.get(
            f"{live_server.url}/label-studio/api/projects/{project.id}/export",
            params={"exportType": export_type, **more},
            headers={"Authorization": f"Token {token_of(people.mia)}"},
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    return export


def test_label_interface_accepts_every_exported_annotation(exported, mia, project):
    interface = LabelInterface(mia.projects.get(project.id).label_config)
    tasks = json.loads(exported("JSON"))
    assert [len(task["annotations"]) for task in tasks] == [1, 1, 1, 1]
    assert [task["id"] for task in tasks] == sorted(task["id"] for task in tasks)
    for task in tasks:
        for annotation in task["annotations"]:
            assert interface.validate_annotation(annotation)
    broken = tasks[0]["annotations"][0] | {"result": said("up")["result"]}
    assert not interface.validate_annotation(broken), "the check accepts anything"


@pytest.mark.parametrize("everything", [False, True])
def test_the_sdk_s_converter_makes_of_our_json_what_we_export(
    exported, mia, project, tmp_path, everything
):
    config = mia.projects.get(project.id).label_config
    mia.projects.import_tasks(project.id, request=[{"picture": "000009.jpg", "more": {"a": [1]}}])
    more = {"download_all_tasks": everything}
    source = tmp_path / "export.json"
    source.write_text(exported("JSON", **more))
    converter = Converter(config, str(tmp_path), download_resources=False)
    converter.convert_to_json_min(str(source), str(tmp_path / "min"), is_dir=False)
    converted = json.loads((tmp_path / "min" / "result.json").read_text())
    assert json.loads(exported("JSON_MIN", **more)) == converted
    assert len(converted) == (4 if everything else 3)
    converter.convert_to_csv(str(source), str(tmp_path / "csv"), is_dir=False, sep=",")
    with (tmp_path / "csv" / "result.csv").open(newline="") as file:
        if everything:
            assert exported("CSV", **more).splitlines() == file.read().splitlines()
        else:  # the columns are those of all tasks, whichever are asked for
            assert [line[:3] for line in exported("CSV", **more).splitlines()] == [
                line[:3] for line in file.read().splitlines()
            ]


def test_the_sdk_s_own_export_reads_ours(exported, mia, project):
    assert exported("JSON")
    assert len(mia.projects.exports.as_json(project.id)) == 4
    table = mia.projects.exports.as_pandas(project.id)
    assert list(table["light"].dropna()) == ["left", "right", "center"]


def test_the_sdk_s_older_client_works_too(live_server, project, people):
    client = Client(f"{live_server.url}/label-studio", token_of(people.mia))
    assert client.check_connection() == {"status": "UP"}
    there = client.get_project(project.id)
    assert len(there.get_tasks()) == 4
    assert len(there.get_tasks_ids()) == 4


def test_what_our_pages_made_shows_as_a_project(mia, ada, dataset):
    campaign = queue.create_campaign(dataset, "light", title="Light")
    project = mia.projects.get(campaign.id)
    interface = project.get_label_interface()
    assert interface.get_control("choice").labels == ["left", "center", "right"]
    task = next(iter(ada.tasks.list(project=campaign.id)))
    region = interface.get_control("choice").label("left")
    made = ada.annotations.create(task.id, result=[region._dict()])
    assert interface.validate_annotation(made.model_dump())
    assert task.data["image"].endswith(f"/api/faces/{Vote.objects.get().turn.face_id}/image")


def test_an_error_reads_as_one_of_label_studio(ada, mia):
    with pytest.raises(ApiError) as refused:
        mia.projects.create(title="Boxes", label_config="<View><Text name='a' value='$a'/></View>")
    body = refused.value.body
    assert set(body) == {
        "id", "status_code", "version", "detail", "exc_info", "validation_errors",
    }  # fmt: skip
    assert (body["status_code"], body["exc_info"]) == (400, None)
    assert "Text" in body["validation_errors"]["label_config"][0]
    with pytest.raises(ApiError) as refused:
        ada.projects.create(title="Light", label_config=LIGHT)
    assert refused.value.status_code == 403
    assert "manager" in refused.value.body["detail"]

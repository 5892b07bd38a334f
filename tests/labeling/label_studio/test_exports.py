"""Exports: complete, in order, and never whole in memory."""

import csv
import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling import queue
from labeling.label_studio import exports
from labeling.models import Face, Turn
from tests.labeling.label_studio.client import LIGHT, said


@pytest.fixture
def project(ask, people, faces):
    """The number of a project with nine tasks, each answered by ada."""
    project = ask(people.mia, "post", "projects/", {"title": "L", "label_config": LIGHT}).data["id"]
    tasks = [{"picture": face.filename, "n": n} for n, face in enumerate(faces[:9])]
    path = f"projects/{project}/import?return_task_ids=true"
    for task in ask(people.mia, "post", path, tasks).data["task_ids"]:
        ask(people.ada, "post", f"tasks/{task}/annotations", said("left"))
    return project


@pytest.fixture
def export(ask, people, project):
    def send(query: str) -> object:
        return ask(people.mia, "get", f"projects/{project}/export?{query}")

    return send


@pytest.mark.parametrize("export_type", ["JSON", "JSON_MIN", "CSV"])
@pytest.mark.parametrize("chunk", [1, 4, 9, 10])
def test_every_task_is_exported_once_and_in_order(export, monkeypatch, chunk, export_type, project):
    monkeypatch.setattr(exports, "CHUNK", chunk)
    text = export(f"exportType={export_type}").getvalue().decode()
    rows = csv.DictReader(io.StringIO(text)) if export_type == "CSV" else json.loads(text)
    asked = Turn.objects.filter(campaign=project).order_by("id").values_list("id", flat=True)
    assert [int(row["id"]) for row in rows] == list(asked)


def test_the_database_is_asked_for_one_chunk_at_a_time(export, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 3)
    monkeypatch.setattr(exports, "PART_LETTERS", 1)
    answer = export("exportType=JSON")
    assert answer.streaming
    parts = iter(answer.streaming_content)
    asked = []
    for _ in range(9):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            next(parts)
        asked.append(len(queries) > 0)
    assert asked == [True, False, False] * 3


def test_an_export_says_what_it_is(export):
    answer = export("exportType=CSV")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="project-')
    assert export("export_type=JSON_MIN")["Content-Type"] == "application/json"


def test_an_export_has_its_form_whatever_a_client_would_rather_accept(http, people, project):
    address = f"/label-studio/api/projects/{project}/export?exportType=CSV"
    answer = http(people.mia).get(address, headers={"Accept": "text/csv"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")


def test_an_export_can_be_of_some_tasks_or_of_all(export, project, people, ask):
    some = Turn.objects.filter(campaign=project).order_by("id").values_list("id", flat=True)[2:4]
    picked = export(f"ids={some[0]}&ids[]={some[1]}").getvalue()
    assert [task["id"] for task in json.loads(picked)] == list(some)
    ask(people.mia, "post", f"projects/{project}/import", [{"picture": "000012.jpg"}])
    assert len(json.loads(export("exportType=JSON").getvalue())) == 9
    everything = json.loads(export("exportType=JSON&download_all_tasks=true").getvalue())
    assert [len(task["annotations"]) for task in everything] == [1] * 9 + [0]


def test_a_project_without_answers_exports_as_empty(ask, people, dataset):
    campaign = queue.create_campaign(dataset, "empty", title="Empty")
    for export_type, text in (("JSON", "[]"), ("JSON_MIN", "[]")):
        path = f"projects/{campaign.id}/export?exportType={export_type}"
        assert ask(people.mia, "get", path).getvalue().decode() == text
    path = f"projects/{campaign.id}/export?exportType=CSV"
    (header,) = csv.reader(io.StringIO(ask(people.mia, "get", path).getvalue().decode()))
    assert {"id", "image", "filename", "choice", "annotator"} <= set(header)


def test_texts_of_every_script_come_out_as_they_went_in(ask, people, faces):
    project = ask(people.mia, "post", "projects/", {"title": "L", "label_config": LIGHT}).data["id"]
    data = {"picture": "000001.jpg", "note": 'Ω, "quoted"\nand =1+1', "more": {"π": [1, None]}}
    task = ask(people.mia, "post", f"projects/{project}/import?return_task_ids=1", data).data
    ask(people.ada, "post", f"tasks/{task['task_ids'][0]}/annotations", said("right"))
    (row,) = json.loads(ask(people.mia, "get", f"projects/{project}/export").getvalue())
    assert row["data"] == data
    text = ask(people.mia, "get", f"projects/{project}/export?exportType=CSV").getvalue().decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["note"], json.loads(row["more"])) == (data["note"], data["more"])
    assert Face.objects.filter(filename="000001.jpg").count() == 1

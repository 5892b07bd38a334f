"""Who may call what through the dialect, and by what one gets in."""

import pytest
from django.test import Client
from django.urls import get_resolver

from labeling.label_studio.annotations import number_of
from labeling.models import Campaign, Turn
from tests.labeling.label_studio.client import LIGHT, said

CONFIG = {"title": "More light", "label_config": LIGHT}
# Who may call what, and with which body; the stranger and nobody may call nothing.
ALLOWED = {
    ("get", "health"): ({"ada", "mia", "rita"}, None),
    ("get", "api/version"): ({"ada", "mia", "rita"}, None),
    ("get", "api/current-user/whoami"): ({"ada", "mia", "rita"}, None),
    ("get", "api/projects"): ({"ada", "mia", "rita"}, None),
    ("post", "api/projects"): ({"mia"}, CONFIG),
    ("get", "api/projects/{project}"): ({"ada", "mia", "rita"}, None),
    ("patch", "api/projects/{project}"): ({"mia"}, {"title": "Light and shade"}),
    ("post", "api/projects/{project}/import"): ({"mia"}, [{"picture": "000002.jpg"}]),
    ("get", "api/projects/{project}/next"): ({"ada"}, None),
    ("get", "api/projects/{project}/export"): ({"mia"}, None),
    ("get", "api/tasks?project={project}"): ({"ada", "mia"}, None),
    ("get", "api/tasks/{task}"): ({"ada", "mia"}, None),
    ("get", "api/tasks/{task}/annotations"): ({"ada", "mia"}, None),
    ("post", "api/tasks/{task}/annotations"): ({"ada"}, said("left")),
    ("get", "api/annotations/{annotation}"): ({"ada", "mia"}, None),
    ("patch", "api/annotations/{annotation}"): ({"ada"}, said("right")),
    ("delete", "api/annotations/{annotation}"): ({"ada"}, None),
}


@pytest.fixture
def there(ask, people, faces):
    """A project with one task, answered by ada."""
    project = ask(people.mia, "post", "projects", {"title": "Light", "label_config": LIGHT}).data
    tasks = [{"picture": face.filename} for face in faces[:2]]
    ask(people.mia, "post", f"projects/{project['id']}/import", tasks)
    task = Turn.objects.order_by("id").first()
    made = ask(people.ada, "post", f"tasks/{task.id}/annotations", said("left"))
    assert made.data["id"] == number_of(task.id, people.ada.id)
    return {"project": project["id"], "task": task.id, "annotation": made.data["id"]}


def request(client: object, method: str, path: str, body: object) -> int:
    return getattr(client, method)(f"/label-studio/{path}", body, format="json").status_code


@pytest.mark.parametrize(("method", "path"), ALLOWED)
def test_each_role_gets_what_is_its_own_and_no_more(there, people, http, method, path):
    allowed, body = ALLOWED[method, path]
    path = path.format(**there)
    for name in ("sam", "rita", "mia", "ada"):
        status = request(http(getattr(people, name)), method, path, body)
        if name in allowed:
            assert status in (200, 201, 204), (name, status)
        else:
            assert status in (403, 404), (name, status)
    assert request(http(), method, path, body) == 401


def test_the_table_above_names_every_address_of_the_dialect():
    named = {path.format(project=1, task=1, annotation=1).split("?")[0] for _, path in ALLOWED}
    routes = {str(one.pattern) for one in get_resolver("labeling.urls").url_patterns}
    ours = {
        route.removeprefix("label-studio/")
        .replace("<int:project_id>", "1")
        .replace("<int:task_id>", "1")
        .replace("<int:annotation_id>", "1")
        for route in routes
        if route.startswith("label-studio/") and not route.endswith("/")
    }
    assert ours - {"api/<path:rest>"} == named


def test_a_session_does_not_open_this_door(there, people):
    client = Client()
    client.force_login(people.mia)
    assert client.get("/label-studio/api/projects").status_code == 401


def test_a_closed_project_is_none_of_an_annotator_s_business(ask, there, people):
    assert (
        ask(people.mia, "patch", f"projects/{there['project']}", {"is_published": False}).data[
            "is_published"
        ]
        is False
    )
    for path in ("projects/{project}", "projects/{project}/next", "tasks/{task}"):
        assert ask(people.ada, "get", path.format(**there)).status_code == 404
    assert ask(people.ada, "get", "projects").data["count"] == 0
    assert ask(people.mia, "get", "projects").data["count"] == 1
    answer = ask(people.ada, "patch", f"annotations/{there['annotation']}", said("right"))
    assert answer.status_code == 404
    assert Campaign.objects.get(id=there["project"]).slug not in str(answer.data)


def test_a_suspended_person_s_token_opens_nothing(ask, there, people):
    people.ada.is_active = False
    people.ada.save()
    assert ask(people.ada, "get", "projects").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "nonsense", 404),
        ("post", "projects/1/exports/", 404),
        ("delete", "projects/{project}", 405),
        ("delete", "tasks/{task}", 405),
        ("get", "projects/99999999999999999999", 404),
        ("get", "tasks/99999999999999999999", 404),
        ("get", "annotations/99999999999999999999999999", 404),
        ("get", "annotations/1", 404),
        ("get", "projects?page=9", 404),
        ("get", "projects?ids=a", 400),
        ("get", "projects?ids=99999999999999999999", 400),
        ("get", "projects?ordering=password", 400),
        ("get", "projects?title=%00", 200),
        ("get", "tasks?project=99999999999999999999", 404),
        ("get", "tasks?project={project}&page=9", 404),
        ("get", "projects/{project}/export?exportType=COCO", 400),
        ("get", "projects/{project}/export?ids=x", 400),
        ("post", "projects", 400),
    ],
)
def test_every_refusal_has_label_studio_s_form(ask, there, people, method, path, status):
    answer = ask(people.mia, method, path.format(**there))
    assert answer.status_code == status, answer.data
    if status != 200:
        assert answer.data["status_code"] == status
        assert set(answer.data) >= {"id", "version", "detail", "exc_info"}

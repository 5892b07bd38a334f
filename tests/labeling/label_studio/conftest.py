"""The real SDK in the hands of the cast, against a live server."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from label_studio_sdk import LabelStudio


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # The server answers from a thread of its own, which sees only what is committed.
        if "tests/labeling/label_studio/" in item.nodeid and "live_server" in item.fixturenames:
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def sdk(live_server: object) -> Iterator[Callable[..., LabelStudio]]:
    """sdk(user) is that person's Label Studio client."""

    from tests.labeling.label_studio.client import token_of

    connections: list[httpx.Client] = []

    def connect(user: object) -> LabelStudio:
        # A connection kept open would keep its thread, and that the test's database, in use.
        connections.append(httpx.Client())
        address = f"{live_server.url}/label-studio"
        return LabelStudio(base_url=address, api_key=token_of(user), httpx_client=connections[-1])

    yield connect
    for connection in connections:
        connection.close()


@pytest.fixture
def http() -> Callable[..., "APIClient"]:  # noqa: F821 loads only after the settings
    """http(user) is a plain HTTP client with that person's token; http() has none."""

    from rest_framework.test import APIClient

    from tests.labeling.label_studio.client import token_of

    def client(user: object = None) -> "APIClient":
        headers = {"Authorization": f"Token {token_of(user)}"} if user is not None else {}
        return APIClient(headers=headers)

    return client


@pytest.fixture
def ask(http: Callable) -> Callable[..., object]:
    """ask(user, method, path, body) sends one request to the dialect."""

    def send(user: object, method: str, path: str, body: object = None) -> object:
        # Escaped, so that half a surrogate pair can be sent as programs may send one.
        text = "" if body is None else json.dumps(body)
        address = f"/label-studio/api/{path}"
        return http(user).generic(method.upper(), address, text, "application/json")

    return send


@pytest.fixture
def project(ask: Callable, people: object, faces: list) -> int:
    """The number of a project with four tasks that want two votes each."""
    from tests.labeling.label_studio.client import LIGHT

    body = {"title": "Light", "label_config": LIGHT, "maximum_annotations": 2}
    project = ask(people.mia, "post", "projects/", body).data["id"]
    tasks = [{"picture": face.filename} for face in faces[:4]]
    assert ask(people.mia, "post", f"projects/{project}/import", tasks).status_code == 201
    return project


@pytest.fixture
def tasks(project: int) -> list[int]:
    from labeling.models import Turn

    return list(Turn.objects.filter(campaign=project).order_by("id").values_list("id", flat=True))


@pytest.fixture
def answer(ask: Callable) -> Callable[..., object]:
    """answer(user, task, choice) creates an annotation."""
    from tests.labeling.label_studio.client import said

    def create(user: object, task: int, choice: str, **more: object) -> object:
        return ask(user, "post", f"tasks/{task}/annotations/", said(choice, **more))

    return create

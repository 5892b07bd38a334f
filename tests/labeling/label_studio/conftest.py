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

"""A browser without a screen: pages as the server sends them."""

from collections.abc import Callable

import pytest


@pytest.fixture
def page() -> Callable[..., object]:
    """page(user, path) is what that person's browser gets; with more, of a form sent there."""
    from django.test import Client

    def get(user: object, path: str, **body: object) -> object:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client.post(path, body) if body else client.get(path)

    return get

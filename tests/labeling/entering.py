"""Who is signed in, how, and what managers did."""

import threading

from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from labeling.models import Act, User

PASSWORD = "another-long-password"


def acted() -> list[tuple[str, str, str]]:
    rows = Act.objects.order_by("id").select_related("by")
    return [(act.by.username, act.what, act.about) for act in rows]


def signed_in(client: Client | APIClient) -> bool:
    return client.get("/api/campaigns").status_code == 200


def with_token(person: User) -> APIClient:
    _, token = AuthToken.objects.create(person)
    return APIClient(headers={"Authorization": f"Token {token}"})


def in_browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def together(deed, count: int) -> None:
    threads = [threading.Thread(target=deed, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)

"""The doors: guessed passwords, sessions and tokens that end, headers, refusals at start."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from config.lockout import address_of
from labeling import people as deeds
from labeling.models import User

ROOT = Path(__file__).resolve().parents[2]
TRIES = settings.AXES_FAILURE_LIMIT


@pytest.fixture(autouse=True)
def _patient_throttle() -> None:
    """The throttle by address keeps its count in memory, which no test's end empties."""
    cache.clear()


def sign_in(client: Client, name: str, password: str, *, at: str = "/login", **request: object):
    return client.post(at, {"username": name, "password": password}, **request)


def ask_token(name: str, password: str, **request: object):
    cache.clear()
    body = {"username": name, "password": password}
    return APIClient().post("/api/token", body, format="json", **request)


def guess(name: str = "ada", times: int = TRIES, **request: object):
    for _ in range(times):
        answer = sign_in(Client(), name, "guess", **request)
    return answer


# Guessing


def test_a_few_wrong_passwords_do_no_harm(people):
    assert guess(times=TRIES - 1).status_code == 200
    assert sign_in(Client(), "ada", people.password).status_code == 302
    assert guess(times=TRIES - 1).status_code == 200, "signing in forgets the wrong ones"


def test_after_too_many_the_right_password_has_to_wait_too(people):
    last = guess()
    assert last.status_code == 429
    answer = sign_in(Client(), "ada", people.password)
    assert answer.status_code == 429
    text = answer.content.decode()
    assert "Too many wrong passwords" in text
    assert "15 minutes" in text
    assert 14 * 60 < int(answer["Retry-After"]) <= 15 * 60
    assert "no-store" in answer["Cache-Control"]


def test_the_count_is_in_the_database_so_that_every_process_sees_it(people):
    guess(times=TRIES - 1)
    cache.clear()
    assert AccessAttempt.objects.get().failures_since_start == TRIES - 1


@pytest.mark.parametrize("closed_at", ["/login", "/admin/login/", "/api/token"])
@pytest.mark.parametrize("tried_at", ["/login", "/admin/login/", "/api/token"])
def test_a_lockout_at_one_door_closes_the_others(people, tried_at, closed_at):
    admin = User.objects.create_superuser("root", password=people.password)
    for _ in range(TRIES):
        if tried_at == "/api/token":
            ask_token("root", "guess")
        else:
            sign_in(Client(), "root", "guess", at=tried_at)
    if closed_at == "/api/token":
        answer = ask_token("root", people.password)
        assert answer.json()["code"] == "locked_out"
        assert "15 minutes" in answer.json()["detail"]
    else:
        answer = sign_in(Client(), "root", people.password, at=closed_at)
    assert answer.status_code == 429
    assert not Session.objects.exists()
    assert not AuthToken.objects.filter(user=admin).exists()


def test_the_wait_ends_by_itself_and_trying_meanwhile_does_not_prolong_it(people):
    guess()
    early = timezone.now() - settings.AXES_COOLOFF_TIME + timedelta(minutes=1)
    AccessAttempt.objects.update(attempt_time=early)
    answer = sign_in(Client(), "ada", "guess")
    assert "a minute" in answer.content.decode()
    assert AccessAttempt.objects.get().attempt_time == early
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert sign_in(Client(), "ada", people.password).status_code == 302


def test_one_name_s_lockout_leaves_the_class_behind_the_same_address_alone(people):
    guess("ada")
    assert sign_in(Client(), "ben", people.password).status_code == 302


def test_nobody_elsewhere_locks_a_person_out_of_their_own_desk(people):
    guess("ada", REMOTE_ADDR="203.0.113.9")
    assert sign_in(Client(), "ada", people.password).status_code == 302


def test_another_browser_at_the_same_address_gets_no_new_tries(people):
    for number in range(TRIES):
        sign_in(Client(), "ada", "guess", HTTP_USER_AGENT=f"browser {number}")
    assert sign_in(Client(), "ada", people.password).status_code == 429


def test_a_made_up_forwarded_address_gets_no_new_tries(people):
    for number in range(TRIES):
        sign_in(Client(), "ada", "guess", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    forged = {"HTTP_X_FORWARDED_FOR": "198.51.100.99"}
    assert sign_in(Client(), "ada", people.password, **forged).status_code == 429
    cache.clear()
    body = {"username": "ben", "password": "guess"}
    answers = [
        APIClient().post("/api/token", body, format="json", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}")
        for n in range(12)
    ]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", "10.0.0.1"),
        (0, "203.0.113.5", "10.0.0.1"),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "1.2.3.4, 203.0.113.5", "203.0.113.5"),
        (2, "1.2.3.4, 203.0.113.5, 10.0.0.7", "203.0.113.5"),
        (2, "203.0.113.5", "203.0.113.5"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.5,", "10.0.0.1"),
    ],
)
def test_a_client_is_where_our_own_proxies_saw_it(settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.1", **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    )
    assert address_of(request) == expected


def test_a_wrong_name_and_a_wrong_password_read_the_same(people):
    def told(name: str) -> str:
        page = sign_in(Client(), name, "guess").content.decode()
        return re.sub(r'(value|content)="[^"]*"', "", page)

    assert told("ada") == told("nobody-here")
    for name in ("ada", "nobody-here"):
        assert ask_token(name, "guess").json()["code"] == "wrong_credentials"
    deeds.suspend(people.mia, people.ben.id)
    assert told("ada") == told("ben")


def test_a_new_password_ends_the_wait(people):
    guess()
    _, token = deeds.reset_password(people.mia, people.ada.id)
    deeds.choose_password(token, "another-long-password")
    assert sign_in(Client(), "ada", "another-long-password").status_code == 302


def test_no_password_is_kept_among_the_wrong_ones(people):
    sign_in(Client(), "ada", "nearly-my-password")
    kept = AccessAttempt.objects.values().get()
    assert "nearly-my-password" not in str(kept)


# What ends


def test_a_session_ends_after_its_time_whatever_the_browser_keeps(people):
    client = Client()
    sign_in(client, "ada", people.password)
    assert client.cookies["sessionid"]["max-age"] == settings.SESSION_COOKIE_AGE == 12 * 3600
    session = Session.objects.get()
    assert session.expire_date - timezone.now() <= timedelta(hours=12)
    assert client.get("/").status_code == 200
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/").url.startswith("/login")
    assert client.get("/api/campaigns").status_code in (401, 403)


def test_logging_out_ends_the_session_on_the_server(people):
    client = Client()
    sign_in(client, "ada", people.password)
    stolen = client.cookies["sessionid"].value
    client.post("/logout")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/").url.startswith("/login")


def test_a_token_ends_after_its_days(people):
    answer = ask_token("ada", people.password).json()
    client = APIClient(headers={"Authorization": f"Token {answer['token']}"})
    row = AuthToken.objects.get()
    assert timedelta(days=29) < row.expiry - timezone.now() <= timedelta(days=settings.TOKEN_DAYS)
    assert client.get("/api/campaigns").status_code == 200
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/campaigns").status_code == 401


def test_the_session_cookie_is_for_the_server_alone(people):
    client = Client()
    sign_in(client, "ada", people.password)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_form_without_its_token_is_refused(people):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.mia)
    for path in ("/login", "/people", f"/people/{people.ada.id}/suspend", "/logout"):
        assert client.post(path).status_code == 403
    people.ada.refresh_from_db()
    assert people.ada.is_active
    api = APIClient(enforce_csrf_checks=True)
    api.force_login(people.ada)
    assert api.post("/api/campaigns/light/turns", {}, format="json").status_code == 403


# At start

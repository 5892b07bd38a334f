"""The web process as `make demo` starts it, and annotators who talk to it over HTTP."""

import contextlib
import http.client
import json
import random
import secrets
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

LONGEST_START = 60.0


@dataclass
class Web:
    """A running gunicorn."""

    port: int
    process: psutil.Process

    def rss_mb(self) -> float:
        """The largest resident process among the server's."""
        family = [self.process, *self.process.children(recursive=True)]
        return max(one.memory_info().rss for one in family) / 2**20


@contextmanager
def served(var: Path, *, with_pages: bool = False) -> Iterator[Web]:
    """gunicorn on a free port, for pages with the static files collected; ended at the end."""
    from django.core.management import call_command

    from config import web

    if with_pages:
        call_command("collectstatic", interactive=False, verbosity=0)
    with socket.socket() as probe:
        probe.bind((web.HOST, 0))
        port = probe.getsockname()[1]
    with (var / "web.log").open("wb") as log:
        child = subprocess.Popen(web.command(port, var), stdout=log, stderr=log)
    try:
        began = time.monotonic()
        while True:
            with contextlib.suppress(OSError), socket.create_connection((web.HOST, port), 1):
                break
            if child.poll() is not None or time.monotonic() - began > LONGEST_START:
                raise SystemExit((var / "web.log").read_text()[-2000:])
            time.sleep(0.1)
        yield Web(port, psutil.Process(child.pid))
    finally:
        child.terminate()
        child.wait(15)


def session_of(user: Any) -> str:
    """The cookie of somebody who has logged in, as the page sends it."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return store.session_key


@dataclass
class Tally:
    """What an annotator met: seconds per request, and what became of the answers."""

    turns: list[float] = field(default_factory=list)
    votes: list[float] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    rejected: int = 0
    resent: int = 0
    died: int = 0
    retried: int = 0


class Annotator:
    """One tab: it keeps faces ahead, votes, and asks again until it is answered."""

    def __init__(self, port: int, slug: str, session: str, seed: int) -> None:
        self.port, self.slug = port, slug
        self.random = random.Random(seed)
        token = secrets.token_hex(16)
        self.headers = {
            "Content-Type": "application/json",
            "Cookie": f"sessionid={session}; csrftoken={token}",
            "X-CSRFToken": token,
        }
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.tally = Tally()

    def ask(self, what: str, body: dict[str, Any], seconds: list[float]) -> dict[str, Any]:
        while True:
            began = time.perf_counter()
            try:
                self.connection.request(
                    "POST", f"/api/campaigns/{self.slug}/{what}", json.dumps(body), self.headers
                )
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.status < 300:
                    seconds.append(time.perf_counter() - began)
                    return json.loads(text)
                if answer.status < 500:
                    raise SystemExit(f"{what} answered {answer.status}: {text[:300]!r}")
            except (OSError, http.client.HTTPException):
                self.connection.close()
            self.tally.retried += 1
            time.sleep(0.1)

    def next_faces(self, count: int) -> list[int]:
        turns = self.ask("turns", {"count": count}, self.tally.turns)["turns"]
        return [turn["face"] for turn in turns]

    def vote(self, faces: list[int], *, twice: bool = False) -> None:
        rows = [
            {
                "id": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
                "face": face,
                "choice": self.random.choice(["left", "center", "right"]),
                "seconds": 1.0,
            }
            for face in faces
        ]
        # An answer that was lost on its way back is sent again: both must say the same.
        for _ in range(2 if twice else 1):
            results = self.ask("votes", {"votes": rows}, self.tally.votes)["results"]
        self.tally.resent += len(rows) * twice
        for result in results:
            if result["status"] == "rejected":
                self.tally.rejected += 1
            else:
                self.tally.stored.append(result["id"])


def percentile(seconds: list[float], share: float) -> float:
    """Milliseconds that `share` of the requests stay within."""
    ordered = sorted(seconds)
    if not ordered:
        return float("nan")
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

"""What stops a start, what is warned of, and what every page carries."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from config import checks
from labeling.models import User

ROOT = Path(__file__).resolve().parents[2]
TRIES = settings.AXES_FAILURE_LIMIT


def starting(
    code: str = "import config.settings", **environment: str
) -> subprocess.CompletedProcess:
    inherited = {k: v for k, v in os.environ.items() if k not in ("SECRET_KEY", "DEBUG")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "key",
    ["django-insecure-" + "abcdefghijklmnopqrstuvwxyz0123456789abcdefghij", "x" * 80, "short",
     "please-changeme-abcdefghijklmnopqrstuvwxyz0123456789"],
)  # fmt: skip
def test_a_key_that_could_be_guessed_stops_the_start(tmp_path, key):
    answer = starting(SECRET_KEY=key, PENUMBRA_VAR=str(tmp_path))
    assert answer.returncode == 1
    assert "SECRET_KEY" in answer.stderr
    assert key not in answer.stderr
    (tmp_path / "secret_key").write_text(key)
    assert starting(PENUMBRA_VAR=str(tmp_path)).returncode == 1


def test_the_first_start_makes_a_key_that_only_we_can_read(tmp_path):
    code = "from config.settings import SECRET_KEY; print(SECRET_KEY)"
    first, second = (starting(code, PENUMBRA_VAR=str(tmp_path)).stdout for _ in range(2))
    assert first == second
    assert len(first.strip()) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    assert starting(code, PENUMBRA_VAR=str(other)).stdout != first


@pytest.mark.parametrize("tls", ["no", "yes"])
def test_the_deployment_check_finds_nothing(tls):
    answer = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ | {"SERVED_OVER_TLS": tls},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


@pytest.mark.parametrize(
    ("hosts", "tls", "debug", "expected"),
    [
        (["127.0.0.1", "localhost", "[::1]", "penumbra.localhost", "127.9.9.9"], False, True, []),
        (["faces.example.org"], True, False, []),
        (["faces.example.org"], False, False, ["penumbra.W001"]),
        (["127.0.0.1", "192.168.1.20"], False, False, ["penumbra.W001"]),
        (["*"], False, False, ["penumbra.W001"]),
        ([".example.org"], True, True, ["penumbra.E001"]),
        (["notlocalhost"], False, True, ["penumbra.W001", "penumbra.E001"]),
    ],
)
def test_a_warning_comes_exactly_when_others_can_reach_the_server(
    settings, hosts, tls, debug, expected
):
    settings.ALLOWED_HOSTS, settings.SERVED_OVER_TLS, settings.DEBUG = hosts, tls, debug
    found = [*checks.others_reach_it_over_tls_only(), *checks.others_see_no_debugging()]
    assert [one.id for one in found] == expected


def test_a_key_that_others_can_read_is_warned_of(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    assert checks.the_key_is_ours_alone() == []
    (tmp_path / "secret_key").write_text("x")
    (tmp_path / "secret_key").chmod(0o644)
    assert [one.id for one in checks.the_key_is_ours_alone()] == ["penumbra.W002"]
    (tmp_path / "secret_key").chmod(0o600)
    assert checks.the_key_is_ours_alone() == []


# What pages carry


PAGES = ["/login", "/", "/people", "/acts", "/campaigns", "/faces", "/nowhere", "/api/docs",
         "/api/campaigns", "/join/nothing", "/admin/"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_a_policy_without_inline_script(people, path):
    client = Client()
    owner = User.objects.create_superuser("root", password=people.password)
    client.force_login(owner)
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "Content-Security-Policy-Report-Only" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]


class Inline(HTMLParser):
    """Collects what a content policy without 'unsafe-inline' would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_in_script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        self.found += [f"{tag} {n}" for n in names if n == "style" or n.startswith("on")]
        self.found += [
            f"{tag} {n}"
            for n, v in attributes
            if (v or "").strip().lower().startswith("javascript:")
        ]
        if tag == "style":
            self.found.append("style")
        self.is_in_script = tag == "script" and "src" not in names
        # Data blocks are no script: nothing runs them.
        if self.is_in_script and names.get("type") not in ("application/json",):
            self.found.append("script")


def inline_in(text: str) -> list[str]:
    parser = Inline()
    # Template tags are no markup: {% if a < b %} must not open an element.
    parser.feed(re.sub(r"\{%.*?%\}|\{#.*?#\}", " ", text, flags=re.DOTALL))
    return parser.found


def test_no_template_has_inline_script_or_style():
    templates = sorted((ROOT / "templates").rglob("*.html"))
    assert len(templates) > 20
    found = {str(p.relative_to(ROOT)): inline_in(p.read_text()) for p in templates}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    ["<p style='color: red'>", "<a href=\" javascript:alert(1)\">", "<script>x()</script>",
     "<style>p {}</style>", "<img src=x onerror=x()>", "<script type=module>x()</script>"],
)  # fmt: skip
def test_the_walk_over_the_templates_sees_each_kind(text):
    assert inline_in(text)

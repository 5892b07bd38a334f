"""One person per role for a demonstration, with generated passwords kept in a file only we read."""

import os
import secrets
from pathlib import Path

from django.conf import settings

from config.steps import Meter, Step
from labeling.models import User

PEOPLE = {
    "ada": {"is_annotator": True},
    "ben": {"is_annotator": True},
    "mia": {"is_manager": True},
    "rita": {"is_researcher": True},
    "admin": {"is_superuser": True, "is_staff": True},
}
ROLE = {
    "ada": "annotator",
    "ben": "annotator",
    "mia": "manager",
    "rita": "researcher",
    "admin": "everything",
}
# Without letters and digits that look alike.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def steps() -> list[Step]:
    return [Step("accounts", lambda: not missing(), create)]


def file() -> Path:
    return settings.VAR_DIR / "accounts.txt"


def missing() -> list[str]:
    known = read(file())
    there = set(User.objects.filter(username__in=PEOPLE).values_list("username", flat=True))
    return [name for name in PEOPLE if name not in there or name not in known]


def create(meter: Meter) -> None:
    """Make the people who are missing; one whose password the file lacks gets a new one."""
    passwords = read(file())
    for name in missing():
        passwords[name] = "-".join(
            "".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3)
        )
    # The file first: a kill in between costs a password that nobody has used.
    part = file().with_suffix(".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.writelines(f"{name} {password}\n" for name, password in passwords.items())
    part.replace(file())
    for name, roles in PEOPLE.items():
        person, is_new = User.objects.get_or_create(username=name, defaults=roles)
        if is_new or not person.check_password(passwords[name]):
            person.set_password(passwords[name])
            person.save(update_fields=["password"])


def read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split() for line in lines if len(line.split()) == 2)

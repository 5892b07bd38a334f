"""Ask for a generator to be loaded and checked."""

import re
from pathlib import Path

from django.db import IntegrityError

from editing import places, tasks
from editing.jobs.checks import Ring
from editing.models import Generator
from labeling import jobs
from labeling.errors import Conflict, Refused
from labeling.models import User

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def add_generator(
    *,
    user: User | None,
    name: str,
    source: str,
    anywhere: bool = False,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_check,
) -> Generator:
    """Ask for a generator to be loaded and checked.

    source    a folder, or a hub id "org/name"
    anywhere  whether the folder may lie outside `places.generator_folders()`: for the operator's
              own commands, never for a request from the web
    raises    Refused for a name or source that cannot be, Conflict for a name in use
    """
    check_name(name)
    folder = _folder_of(source, anywhere=anywhere)
    named = Generator.objects.filter(name=name)
    if key and named.filter(requested_by=user, idempotency_key=key).exists():
        return jobs.submit(Generator, ring=ring, user=user, body=body, key=key)
    # A name whose check failed is free again; nothing can hang on a row that was never done.
    named.filter(status__in=["failed", "cancelled"]).delete()
    taken = Conflict("name_taken", f"There is a generator {name!r} already; choose another name.")
    if named.exists():
        raise taken
    try:
        return jobs.submit(
            Generator,
            ring=ring,
            user=user,
            body=body,
            key=key,
            name=name,
            source=source,
            folder=str(folder or ""),
        )
    except IntegrityError:
        # Of two people who choose one name at once, the database takes the first.
        raise taken from None


def check_name(name: str) -> None:
    """Refuse a generator's name that would not do as the name of its folder."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise Refused("invalid", f"name is {name!r}; expected up to 60 letters, digits, - and _.")


def _folder_of(source: str, *, anywhere: bool) -> Path | None:
    """The folder that was meant, or None for what can only be a hub id."""
    roots = [root.resolve() for root in places.generator_folders()]
    for root in [*roots, *([Path.cwd()] if anywhere else [])]:
        # An absolute source replaces the root here, so the check below is what contains it.
        folder = (root / source).resolve()
        contained = any(parent in roots for parent in folder.parents)
        if (contained or anywhere) and _is_folder(folder):
            return folder
    if HUB_ID.fullmatch(source):
        # Whether it may be downloaded, and whether that is needed, the worker finds out.
        return None
    where = " or ".join(str(root) for root in roots)
    raise Refused("invalid_source", f"source is {source!r}; expected a folder inside {where}.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # a name too long for the file system names nothing

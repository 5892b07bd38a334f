"""What `make demo` shows, as named steps; each knows whether it is done, so that a start goes on.

python -m config.demo bare      what web and workers need
python -m config.demo prepare   also what people need to label
python -m config.demo grow      the rest, while they do
"""

import errno
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from labeling.errors import Refused

SEED = 1
FIRST_FACES = 240  # a minute's work for two cores, compiling the renderer included
ALL_FACES = 3000
NICENESS = 10  # the web and the person at the keyboard come first


@dataclass(frozen=True)
class Step:
    name: str
    is_done: Callable[[], bool]
    do: Callable[[], None]


def bare() -> list[Step]:
    return [
        Step("tables", tables_are_there, make_tables),
        Step("page files", static_is_there, collect_static),
    ]


def prepare() -> list[Step]:
    return [
        *bare(),
        Step("accounts", accounts_are_there, make_accounts),
        Step(f"first {FIRST_FACES} faces", lambda: rendered() >= FIRST_FACES, render_first),
    ]


def grow() -> list[Step]:
    return [
        Step(f"{ALL_FACES} faces", lambda: rendered() >= ALL_FACES, render_all),
    ]


def folder() -> Path:
    return settings.VAR_DIR / "lightstage"


def accounts_file() -> Path:
    return settings.VAR_DIR / "accounts.txt"


def tables_are_there() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def make_tables() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def static_state() -> str:
    """Changes with each page file (path, size, time) and the packages that bring some."""
    state = [version(name) for name in ("django", "djangorestframework", "drf-spectacular-sidecar")]
    for path in sorted((settings.BASE_DIR / "static").rglob("*")):
        if path.is_file():
            about = path.stat()
            state.append(f"{path} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(state).encode()).hexdigest()


def static_stamp() -> Path:
    return settings.VAR_DIR / "static.stamp"


def static_is_there() -> bool:
    return static_stamp().exists() and static_stamp().read_text() == static_state()


def collect_static() -> None:
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    static_stamp().write_text(static_state())


def accounts_are_there() -> bool:
    from config import accounts

    return not accounts.missing(accounts_file())


def make_accounts() -> None:
    from config import accounts

    accounts.create(accounts_file())


def rendered() -> int:
    try:
        return int(json.loads((folder() / "lightstage.json").read_text())["n_faces"])
    except FileNotFoundError:
        return 0


def render_first() -> None:
    render(FIRST_FACES)


def render_all() -> None:
    render(ALL_FACES)


def render(n_faces: int) -> None:
    from lightstage.celeba import write_dataset

    meter = Meter()
    write_dataset(
        folder(), n_faces, SEED, progress=lambda ready, wanted: meter(ready / wanted, "rendering")
    )


class Meter:
    """How far a step is: one line that changes on a terminal, a line per quarter elsewhere."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self.begun = time.monotonic()
        self.shown = 0.0

    def __call__(self, fraction: float, doing: str) -> None:
        now = time.monotonic()
        if self.is_terminal and now - self.shown > 0.5:
            self.shown = now
            line = f"  {doing:<44} {fraction:6.0%} {now - self.begun:5.0f} s"
            print(f"\r\033[K{line}", end="", flush=True)
        elif not self.is_terminal and fraction - self.shown >= 0.25 and fraction < 1:
            self.shown = fraction
            print(f"  {doing:<44} {fraction:6.0%}", flush=True)


def walk(steps: list[Step]) -> None:
    for step in steps:
        if step.is_done():
            continue
        begun = time.monotonic()
        step.do()
        erase = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{erase}✓ {step.name:<44} {time.monotonic() - begun:6.1f} s", flush=True)


def welcome() -> None:
    from config import accounts

    lines = ["", "  name   password         may"]
    for name, password in accounts.read(accounts_file()).items():
        lines.append(f"  {name:<6} {password:<16} {accounts.ROLE.get(name, '')}")
    lines += ["", f"  (also in {accounts_file()}; logs in {settings.VAR_DIR / 'logs'})", ""]
    print("\n".join(lines), flush=True)


def main(arguments: list[str]) -> None:
    # SIGTERM must unwind, so that helpers of a step end with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        match arguments:
            case ["bare"]:
                walk(bare())
            case ["prepare"]:
                walk(prepare())
            case ["welcome"]:
                welcome()
            case ["grow"]:
                os.nice(NICENESS)
                walk(grow())
            case _:
                raise SystemExit(__doc__)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SystemExit(f"The disk is full ({error}); free some space and start again.") from None
    except OperationalError as error:
        raise SystemExit(f"The database stopped working: {str(error).strip()}") from None
    except (Refused, ValueError) as error:
        raise SystemExit(f"The demonstration cannot go on: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])

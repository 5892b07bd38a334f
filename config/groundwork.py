"""What web and workers need before they start: tables that fit the models, page files by hash."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.steps import Meter, Step


def steps() -> list[Step]:
    return [
        Step("tables", tables_are_there, make_tables),
        Step("page files", page_files_are_there, collect_page_files),
    ]


def tables_are_there() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def make_tables(meter: Meter) -> None:
    call_command("migrate", verbosity=0, interactive=False)


def page_files_are_there() -> bool:
    return stamp().exists() and stamp().read_text() == state_of_page_files()


def collect_page_files(meter: Meter) -> None:
    state = state_of_page_files()
    # The API's description uses swagger; hashing its other viewer would double this step's time.
    unused = ["drf_spectacular_sidecar/redoc/*"]
    call_command(
        "collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=unused
    )
    stamp().write_text(state)


def stamp() -> Path:
    return settings.VAR_DIR / "static.stamp"


def state_of_page_files() -> str:
    """Changes with each page file (path, size, time) and with the packages that bring some."""
    state = [version(name) for name in ("django", "djangorestframework", "drf-spectacular-sidecar")]
    for path in sorted((settings.BASE_DIR / "static").rglob("*")):
        if path.is_file():
            about = path.stat()
            state.append(f"{path} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(state).encode()).hexdigest()

"""A PostgreSQL of a benchmark's own, so that it measures nothing that anybody keeps."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throw_away_database() -> Iterator[Path]:
    """Django set up on an empty, migrated database of its own; yields its var folder."""
    var = Path(tempfile.mkdtemp(prefix="penumbra-bench-"))
    try:
        with kept_database(var):
            yield var
    finally:
        shutil.rmtree(var, ignore_errors=True)


@contextmanager
def kept_database(var: Path) -> Iterator[Path]:
    """Django set up on the migrated database of a var folder, which stays; yields the folder."""
    var.mkdir(parents=True, exist_ok=True)
    os.environ["PENUMBRA_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.pop("DATABASE_URL", None)

    import django
    from django.core.management import call_command
    from django.db import connection

    from config import postgres

    try:
        # Durable as in production: a benchmark of writes that skips the disk would flatter.
        postgres.ensure_running(var / "postgresql")
        django.setup()
        call_command("migrate", verbosity=0)
        yield var
    finally:
        connection.close()
        postgres.stop(var / "postgresql")

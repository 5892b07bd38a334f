"""manage.py import_votes CAMPAIGN CSV: votes that were cast elsewhere."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling import votes
from labeling.errors import Refused
from labeling.management.naming import campaign_named
from labeling.models import Vote

COLUMNS = ("file", "annotator", "choice")


class Command(BaseCommand):
    help = "Store a file of votes (columns file, annotator, choice): all of it, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument(
            "votes", type=Path, help="a CSV with a header; more columns are ignored"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = campaign_named(options["campaign"])
        try:
            stored = votes.cast_outside(
                campaign, read_votes(options["votes"]), source=Vote.Source.IMPORTED
            )
        except Refused as error:
            raise CommandError(f"{options['votes']}: {error.detail}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['votes']}: {error}") from None
        self.stdout.write(
            f"{stored['stored']} votes stored, {stored['duplicate']} were there before."
        )


def read_votes(path: Path) -> Iterator[tuple[str, str, str]]:
    """The rows of a votes file; Refused when a column is missing."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or []
        if missing := [name for name in COLUMNS if name not in header]:
            raise Refused(
                "missing_column", f"the header is {list(header)}; expected also {missing}."
            )
        for row in reader:
            file_name, annotator, choice = ((row[name] or "").strip() for name in COLUMNS)
            yield file_name, annotator, choice

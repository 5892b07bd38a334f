"""manage.py import_votes CAMPAIGN CSV: votes that were cast elsewhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling import votes
from labeling.errors import Refused
from labeling.importing.answers import read_answers
from labeling.management.naming import campaign_named
from labeling.models import Vote

COLUMNS = ("file", "annotator", "choice")


class Command(BaseCommand):
    help = "Store a file of votes (columns file, annotator, choice): all of it, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument(
            "votes", type=Path, help="a CSV, with or without a header; more columns are ignored"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = campaign_named(options["campaign"])
        try:
            rows = read_answers(options["votes"], COLUMNS)
            stored = votes.cast_outside(campaign, rows, source=Vote.Source.IMPORTED)
        except Refused as error:
            raise CommandError(f"{options['votes']}: {error.detail}") from None
        except OSError as error:
            raise CommandError(f"{options['votes']}: {error}") from None
        self.stdout.write(
            f"{stored['stored']} votes stored, {stored['duplicate']} were there before."
        )

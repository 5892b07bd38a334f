"""manage.py import_labels CAMPAIGN CSV: labels from elsewhere, as votes or as last words."""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling import outside, tasks, votes
from labeling.errors import Refused
from labeling.importing.answers import read_answers
from labeling.management.naming import campaign_named
from labeling.models import User, Vote


class Command(BaseCommand):
    help = "Store a file of labels (columns file, choice): all of it, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument("labels", type=Path, help="a CSV, with or without a header")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--name", help="count the labels as votes of one annotator of this name")
        how.add_argument(
            "--settled-by", metavar="WHO", help="take the labels as this manager's last words"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = campaign_named(options["campaign"])
        rows = read_answers(options["labels"], ("file", "choice"))
        try:
            if name := options["name"]:
                named = ((file, name, choice) for file, choice in rows)
                stored = votes.cast_outside(campaign, named, source=Vote.Source.IMPORTED)
            else:
                by = manager_named(options["settled_by"])
                stored = asdict(outside.store_words(campaign, rows, by=by))
                tasks.ring_refresh(campaign.id)
        except Refused as error:
            raise CommandError(f"{options['labels']}: {error.detail}") from None
        except OSError as error:
            raise CommandError(f"{options['labels']}: {error}") from None
        what = "votes" if options["name"] else "last words"
        self.stdout.write(
            f"{stored['stored']} {what} stored, {stored['duplicate']} were there before."
        )


def manager_named(name: str) -> User:
    """The manager of this name; CommandError when there is none."""
    person = User.objects.filter(username=name, is_manager=True, is_active=True).first()
    if person is None:
        raise CommandError(f"{name!r} came; expected the name of a manager who is not suspended.")
    return person

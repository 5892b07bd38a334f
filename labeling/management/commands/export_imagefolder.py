"""manage.py export_imagefolder CAMPAIGN --into FOLDER: a release beside its images."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from labeling import imagefolders
from labeling.errors import Refused
from labeling.management.naming import campaign_named
from labeling.models import Campaign, Release


class Command(BaseCommand):
    help = 'Write a release as split folders that datasets.load_dataset("imagefolder") reads.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument("--release", type=int, help="its number; the newest without it")
        parser.add_argument("--into", type=Path, required=True, help="a new or empty folder")
        parser.add_argument(
            "--link",
            choices=list(imagefolders.LINKS),
            default="symbolic",
            help="how images get there: links need no room, hard ones the same disk",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        release = release_numbered(campaign_named(options["campaign"]), options["release"])
        with tqdm(total=release.n_labels, unit="face") as bar:

            def tell(done: float) -> None:
                bar.update(round(done * release.n_labels) - bar.n)

            try:
                counts = imagefolders.export(release, options["into"], options["link"], tell)
            except Refused as error:
                raise CommandError(error.detail) from None
            except OSError as error:
                raise CommandError(
                    f"{error}; is --link {options['link']} possible there?"
                ) from None
        for name, n in counts.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {n}")
        told = f'datasets.load_dataset("imagefolder", data_dir="{options["into"]}")'
        self.stdout.write(f"Release {release.number} is in {options['into']}; read it with {told}")


def release_numbered(campaign: Campaign, number: int | None) -> Release:
    """The campaign's finished release of this number, or its newest."""
    there = campaign.releases.filter(status=Release.Status.DONE).order_by("-number")
    found = there.filter(number=number).first() if number is not None else there.first()
    if found is None:
        numbers = ", ".join(map(str, there.values_list("number", flat=True))) or "none yet"
        wanted = "a release" if number is None else f"release {number}"
        raise CommandError(f"Campaign {campaign.slug!r} has not {wanted}; there is {numbers}.")
    return found

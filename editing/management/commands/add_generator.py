"""manage.py add_generator FOLDER|HUB_ID: load, check and register a diffusion generator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, runs
from labeling.errors import Refused
from labeling.management.running import do, nobody


class Command(BaseCommand):
    help = "Load and check an unconditional diffusers DDPM or DDIM pipeline, and register it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="a folder in diffusers' layout, or a hub id org/name")
        parser.add_argument("--name", help="what it is called here; default: the folder's name")

    def handle(self, source: str, name: str | None, **options: Any) -> None:
        name = name or source.rstrip("/").rpartition("/")[2]
        body = {"name": name, "source": source}
        try:
            job = jobs.add_generator(user=None, **body, anywhere=True, body=body, ring=nobody)
        except Refused as error:
            raise CommandError(error.detail) from None
        do(job, runs.check_generator)
        self.stdout.write(
            f"Generator {job.name}: {job.image_size} x {job.image_size}, "
            f"{job.card['n_parameters']:,} parameters, {job.card['schedule']}, "
            f"sha256 {job.sha256[:12]}."
        )

"""manage.py import_faces FOLDER [--name NAME] [--verify none|header|full]"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from labeling.errors import Refused
from labeling.importing.celeba import VERIFY, import_faces


class Command(BaseCommand):
    help = "Import a folder of faces in CelebA's layout (txt or csv tables, img_align_celeba/)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--name", default="", help="of the dataset; default: the folder's")
        parser.add_argument("--verify", default="header", choices=list(VERIFY))

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(total=100, unit="%", bar_format="{desc}: {percentage:3.0f}%|{bar}|") as bar:

            def progress(fraction: float, step: str) -> None:
                bar.set_description(step)
                bar.update(100 * fraction - bar.n)

            try:
                report = import_faces(
                    options["folder"],
                    options["name"],
                    verify=options["verify"],
                    progress=progress,
                )
            except (Refused, OSError) as error:
                raise CommandError(str(error)) from error
            progress(1, "done")
        for table in report.missing_tables:
            self.stdout.write(f"{table} is not there: what it says stays unknown.")
        self.stdout.write(
            f"Dataset {report.dataset.name}: {report.added} faces added, {report.kept} were there "
            f"before, {report.seconds:.1f} s."
        )

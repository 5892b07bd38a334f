"""manage.py release CAMPAIGN: write a release here and now."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling import jobs, released, releases
from labeling.errors import Refused
from labeling.management.naming import campaign_named
from labeling.management.running import do


class Command(BaseCommand):
    help = "Fix a campaign's labels and write them with their manifest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument("--include", nargs="+", choices=["human", "model"])
        parser.add_argument(
            "--max-error", type=float, help="0..1: certify that no more of the model's are wrong"
        )
        parser.add_argument("--confidence", type=float, help="0.5..1, of all looks at the audits")
        parser.add_argument("--audits", choices=["all", "fresh"], help="fresh: not looked at yet")
        parser.add_argument("--out", type=Path, help="a folder for a copy of the files")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = campaign_named(options["campaign"])
        wanted = {name: options[name] for name in ("include", "max_error", "confidence", "audits")}
        body = {name: value for name, value in wanted.items() if value is not None}
        try:
            release = jobs.ask_release(campaign, user=None, body=body, key="")
        except Refused as error:
            raise CommandError(error.detail) from None
        do(release, releases.write)
        folder = released.folder_of(release)
        if options["out"] is not None:
            shutil.copytree(folder, options["out"], dirs_exist_ok=True)
        for file in release.manifest["files"]:
            self.stdout.write(f"{file['sha256']}  {file['name']}  {file['bytes']} bytes")
        self.stdout.write(f"Release {release.number}: {release.n_labels} labels in {folder}")

"""manage.py turn DIRECTION FACE_FILE: one head turned, as pictures in a folder."""

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, places, runs
from editing.models import Direction
from labeling.errors import Refused
from labeling.management.running import do, nobody


class Command(BaseCommand):
    help = "Turn a face of the direction's dataset to some degrees; 0 is the photo itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("direction", type=int)
        parser.add_argument("face", help="its file name in the dataset, such as 000123.jpg")
        parser.add_argument(
            "--degrees", type=float, nargs="+", default=[-30, -20, -10, 0, 10, 20, 30]
        )
        parser.add_argument("--out", type=Path, help="a folder for copies of the pictures")

    def handle(
        self, direction: int, face: str, degrees: list[float], out: Path | None, **options: Any
    ) -> None:
        try:
            row = jobs.find(Direction, direction)
            found = row.dataset.faces.filter(filename=face).first()
            if found is None:
                raise CommandError(f"Dataset {row.dataset.name!r} has no face {face!r}.")
            body = {"face": found.id, "direction": direction, "degrees": degrees}
            job = jobs.turn(
                user=None, face=found, direction=row, degrees=degrees, body=body, ring=nobody
            )
        except Refused as error:
            raise CommandError(error.detail) from None
        do(job, runs.render_edit)
        for frame in job.result["frames"]:
            self.stdout.write(
                f"asked {frame['degrees']:+6.1f}  achieved {frame['achieved_yaw']:+6.1f}"
                + ("  as far as was measured" if frame["is_clamped"] else "")
            )
        folder = places.edit_folder(job.id) / job.result["folder"]
        if out is not None:
            shutil.copytree(folder, out, dirs_exist_ok=True)
        self.stdout.write(f"Strip: {(out or folder) / job.result['strip']}")

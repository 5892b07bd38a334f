"""manage.py turn DIRECTION [FACE_FILE...]: heads turned, as pictures in a folder, and a table."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, places, runs
from editing.filters import FaceFilter
from editing.models import Direction, Edit
from labeling.errors import Refused
from labeling.management.running import do, nobody
from labeling.models import Face

COLUMNS = (
    "file", "degrees", "achieved_yaw", "light", "identity", "shell", "step", "rounds", "is_clamped",
)  # fmt: skip


class Command(BaseCommand):
    help = "Turn faces of the direction's dataset to some degrees; 0 is the photo itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("direction", type=int)
        parser.add_argument("faces", nargs="*", help="file names in the dataset, as 000123.jpg")
        parser.add_argument("--filter", help="a query string: all faces that pass, in this order")
        parser.add_argument("--limit", type=int, default=50, help="of faces that pass the filter")
        parser.add_argument(
            "--degrees", type=float, nargs="+", default=[-30, -20, -10, 0, 10, 20, 30]
        )
        parser.add_argument(
            "--closed-loop", action="store_true", help="read each frame and correct its step"
        )
        parser.add_argument(
            "--hold-light", action="store_true", help="the loop also holds the light"
        )
        parser.add_argument(
            "--path", choices=jobs.PATHS, default="line",
            help="walk: in strides, each along slopes of the faces like it there, light held",
        )  # fmt: skip
        parser.add_argument("--out", type=Path, help="a folder for copies of the pictures")

    def handle(self, **given: Any) -> None:
        try:
            direction = jobs.find(Direction, given["direction"])
            faces = self.chosen(direction, given)
        except Refused as error:
            raise CommandError(error.detail) from None
        turned, failed = [], []
        for face in faces:
            try:
                turned.append(self.turned(direction, face, given))
            except (Refused, CommandError) as error:
                told = getattr(error, "detail", str(error))
                if len(faces) == 1:
                    raise CommandError(told) from None
                failed.append(f"{face.filename}: {told}")
        self.tell(turned, failed, given["out"])
        if not turned:
            raise CommandError(f"None of {len(faces)} faces could be turned. {failed[0]}")

    def chosen(self, direction: Direction, given: dict[str, Any]) -> Sequence[Face]:
        names, query = given["faces"], given["filter"]
        if bool(names) == (query is not None):
            raise CommandError("Name the faces' files, or give --filter; one of both.")
        there = direction.dataset.faces
        if query is not None:
            passing = FaceFilter.parse(query).faces().filter(dataset=direction.dataset)
            faces = list(passing.order_by("id")[: given["limit"]])
            if not faces:
                raise CommandError(f"No face of {direction.dataset.name!r} passes {query!r}.")
            return faces
        found = {face.filename: face for face in there.filter(filename__in=names)}
        for name in names:
            if name not in found:
                raise CommandError(f"Dataset {direction.dataset.name!r} has no face {name!r}.")
        return [found[name] for name in dict.fromkeys(names)]

    def turned(self, direction: Direction, face: Face, given: dict[str, Any]) -> Edit:
        """The edit of one face: the one that is there, else done now."""
        degrees = sorted(map(float, given["degrees"]))
        asked = {name: bool(given[name]) for name in ("closed_loop", "hold_light")}
        settings = asked | ({"path": given["path"]} if given["path"] != "line" else {})
        known = Edit.objects.filter(
            direction=direction, face=face, degrees=degrees, settings=settings, status="done",
            created_at__gte=direction.finished_at or direction.created_at,
        ).last()  # fmt: skip
        if known is not None and (folder_of(known) / known.result["strip"]).is_file():
            return known
        job = jobs.turn(
            user=None,
            face=face,
            direction=direction,
            degrees=degrees,
            **asked,
            path=given["path"],
            body={"face": face.id, "direction": direction.id, "degrees": degrees, **settings},
            ring=nobody,
        )
        do(job, runs.render_edit)
        return job

    def tell(self, turned: Sequence[Edit], failed: Sequence[str], out: Path | None) -> None:
        rows = [row for edit in turned for row in rows_of(edit)]
        for edit in turned:
            target = out
            if out is not None:
                target = out if len(turned) == 1 else out / Path(edit.face.filename).stem
                shutil.copytree(folder_of(edit), target, dirs_exist_ok=True)
            self.stdout.write(told_of(edit))
            self.stdout.write(f"Strip: {(target or folder_of(edit)) / edit.result['strip']}")
        for told in failed:
            self.stdout.write(f"Not turned: {told}")
        if out is not None and rows:
            with (out / "summary.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
        if len(turned) > 1:
            self.stdout.write(summary_of(turned))


def folder_of(edit: Edit) -> Path:
    return places.edit_folder(edit.id) / edit.result["folder"]


def told_of(edit: Edit) -> str:
    """A line for each frame of one face."""
    lines = [edit.face.filename]
    for frame in edit.result["frames"]:
        lines.append(
            f"asked {frame['degrees']:+6.1f}  achieved {frame['achieved_yaw']:+6.1f}"
            + (f"  identity {frame['identity']['cosine']:.2f}" if frame.get("identity") else "")
            + ("  as far as was measured" if frame["is_clamped"] else "")
        )
    return "\n".join(lines)


def rows_of(edit: Edit) -> list[dict[str, Any]]:
    found = []
    for frame in edit.result["frames"]:
        light, identity = frame["light"] or {}, frame.get("identity") or {}
        row = {name: frame.get(name) for name in COLUMNS}
        side = max(light, key=light.__getitem__) if light else ""
        found.append(
            {**row, "file": edit.face.filename, "light": side, "identity": identity.get("cosine")}
        )
    return found


def summary_of(turned: Sequence[Edit]) -> str:
    """One line over all faces: how near the turns came, and what was kept."""
    told = [f"{len(turned)} faces"]
    for name, text in (
        ("yaw_mae", "yaw off by {:.1f} degrees"),
        ("light_kept", "light kept in {:.1%} of the frames"),
        ("identity", "nearer to the photo than the median stranger in {:.1%}"),
    ):
        values = [edit.result[name] for edit in turned if edit.result.get(name) is not None]
        if values:
            told.append(text.format(sum(values) / len(values)))
    return "; ".join(told) + "."

"""manage.py fit_direction GENERATOR: the lines along which heads turn."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, runs
from editing.faces import DEFAULT_BINS
from editing.filters import FaceFilter
from editing.models import Direction, Generator
from labeling.errors import Refused
from labeling.management.running import do, nobody


class Command(BaseCommand):
    help = "Fit, calibrate and check a direction on a filter's embedded faces."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="its name")
        parser.add_argument("--filter", default="", help="as in the API: consensus=left&yaw_min=..")
        parser.add_argument("--bins", type=float, nargs="+", default=DEFAULT_BINS)

    def handle(self, generator: str, filter: str, bins: list[float], **options: Any) -> None:
        try:
            job = jobs.fit_direction(
                user=None,
                generator=jobs.find(Generator, generator),
                face_filter=FaceFilter.parse(filter),
                bins=bins,
                body={"generator": generator, "filter": filter, "bins": list(bins)},
                ring=nobody,
            )
        except Refused as error:
            raise CommandError(error.detail) from None
        do(job, runs.fit_direction)
        self.tell(job)

    def tell(self, job: Direction) -> None:
        """The direction's figures as a small table."""
        for one in job.result["bins"]:
            yaw = "" if one["yaw"] is None else f"mean {one['yaw']:6.1f}"
            note = one["note"] or one["side"]
            self.stdout.write(
                f"{one['yaw_min']:6.1f} .. {one['yaw_max']:5.1f}  {one['count']:6d} faces  "
                f"{yaw:12} {note}"
            )
        for point in job.result["check"]["points"]:
            kept = "" if point["light_kept"] is None else f"  light kept {point['light_kept']:.2f}"
            self.stdout.write(
                f"asked {point['requested']:+6.1f}  achieved {point['achieved']:+6.1f} "
                f"(spread {point['spread']:.1f}){kept}"
            )
        check = job.result["check"]
        self.stdout.write(
            f"Direction {job.id}: mean error {check['mae']:.1f} degrees, slope "
            f"{check['slope']:.2f}, probe's own error {job.result['probe']['yaw_error']:.1f}."
        )

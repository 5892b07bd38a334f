"""manage.py fit_direction GENERATOR: the lines along which heads turn."""

from argparse import BooleanOptionalAction
from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, runs
from editing.faces import DEFAULT_BINS
from editing.filters import FaceFilter
from editing.models import Direction, Embedding, Generator
from editing.recipes import CHOICES, FitRecipe
from labeling.errors import Refused
from labeling.management.running import do, nobody

RECIPE = fields(FitRecipe)


class Command(BaseCommand):
    help = "Fit, calibrate and check a direction on a filter's embedded faces."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="its name")
        parser.add_argument("--filter", default="", help="as in the API: consensus=left&yaw_min=..")
        parser.add_argument("--bins", type=float, nargs="+", default=DEFAULT_BINS)

        parser.add_argument("--embedding", type=int, help="whose space, default the newest one")
        own = FitRecipe()
        for name, allowed in CHOICES.items():
            parser.add_argument(
                f"--{name.replace('_', '-')}", choices=allowed, default=getattr(own, name)
            )
        parser.add_argument("--ridge", type=float, default=own.ridge, help="square degrees")
        parser.add_argument(
            "--subtract", nargs="*", default=list(own.subtract), help="light, and attributes"
        )
        parser.add_argument(
            "--mirror", action=BooleanOptionalAction, default=own.mirror, help="each face twice"
        )
        parser.add_argument("--bootstraps", type=int, default=own.bootstraps)
        parser.add_argument(
            "--fewest", type=int, default=own.fewest, help="faces a bin should hold"
        )

    def handle(self, generator: str, filter: str, bins: list[float], **options: Any) -> None:
        try:
            recipe = FitRecipe.parse({field.name: options[field.name] for field in RECIPE})
            embedding = options["embedding"]
            job = jobs.fit_direction(
                user=None,
                generator=jobs.find(Generator, generator),
                face_filter=FaceFilter.parse(filter),
                bins=bins,
                embedding=jobs.find(Embedding, embedding) if embedding else None,
                recipe=recipe,
                body={
                    "generator": generator,
                    "filter": filter,
                    "bins": list(bins),
                    "recipe": recipe.to_json(),
                },
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
            note += "" if one["rung"] in ("exact", "left out") else f", {one['rung']}"
            self.stdout.write(
                f"{one['yaw_min']:6.1f} .. {one['yaw_max']:5.1f}  {one['count']:6d} faces  "
                f"{yaw:12} {note}"
            )
        for side, line in job.result["lines"].items():
            if line is not None:
                self.stdout.write(f"{side:>5}: {_said(line)}")
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


def _said(line: dict[str, Any]) -> str:
    """A line's figures in a row."""
    told = f"R2 of centroids {line['r2']:.3f}"
    if line["held_out"]:
        told += f", of faces held out {line['held_out']['r2']:.4f}"
    if line["spread"]:
        low, _, high = line["spread"]["slope_norm"]
        told += f", slope {line['slope_norm']:.3f} ({low:.3f} to {high:.3f})"
        told += f", cosine of refits from {line['spread']['cosine'][0]:.3f}"
    return told

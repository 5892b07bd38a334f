"""manage.py embed GENERATOR: find the latents of a filter's faces."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, runs
from editing.filters import FaceFilter
from editing.models import Generator
from labeling.errors import Refused
from labeling.management.running import do, nobody

SETTINGS = ("method", "kind", "timestep", "steps", "refinements", "gradient_steps")


class Command(BaseCommand):
    help = "Embed faces in a generator's space; goes on from what is already there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="its name")
        parser.add_argument("--filter", default="", help="as in the API: dataset=..&attributes=..")
        parser.add_argument("--method", default="inversion", help="inversion, or encoder")
        parser.add_argument("--kind", default="x_t", help="x_t, the noisy face; h, the bottleneck")
        parser.add_argument("--timestep", type=int, help="default: the middle of the schedule")
        parser.add_argument("--steps", type=int, help="default: 20, or the encoder's own")
        parser.add_argument("--refinements", type=int, help="default: 1, or the encoder's own")
        parser.add_argument(
            "--gradient-steps", type=int, default=0, help="descents on each picture's own error"
        )

    def handle(self, generator: str, filter: str, **options: Any) -> None:
        settings = {name: options[name] for name in SETTINGS}
        try:
            job = jobs.embed(
                user=None,
                generator=jobs.find(Generator, generator),
                face_filter=FaceFilter.parse(filter),
                **settings,
                body={"generator": generator, "filter": filter, **settings},
                ring=nobody,
            )
        except Refused as error:
            raise CommandError(error.detail) from None
        do(job, runs.embed)
        rate = job.figures["faces_per_second"]
        self.stdout.write(
            f"{job.n_embedded} of {job.n_faces} faces have a latent in {job.space}; "
            + (f"{rate:.1f} faces/s, " if rate else "")
            + f"round-trip MSE {job.figures['round_trip_mse']:.6f}."
        )
        for told in job.figures["unusable"]:
            self.stderr.write(told)

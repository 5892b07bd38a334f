"""manage.py train_encoder GENERATOR: a small network that gives latents in one call."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from editing import jobs
from editing.engine.learning import TrainingProgress
from editing.jobs.embeddings import check_settings, default_timestep
from editing.models import Generator
from editing.runs.encoding import Plan, train_encoder
from labeling.errors import Refused
from labeling.models import Dataset


class Command(BaseCommand):
    help = "Train a generator's encoder on a dataset's train split; Ctrl-C any time, --resume."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="its name")
        parser.add_argument("--dataset", required=True, help="the name of the faces to learn from")
        parser.add_argument("--minutes", type=float, help="the whole budget, earlier runs included")
        parser.add_argument("--images", type=int, help="lessons in images, earlier runs included")
        parser.add_argument("--timestep", type=int, help="default: the middle of the schedule")
        parser.add_argument("--steps", type=int, default=jobs.DEFAULT_STEPS)
        parser.add_argument("--refinements", type=int, default=jobs.DEFAULT_REFINEMENTS)
        parser.add_argument("--start-from", type=Path, help="an earlier encoder's folder")
        parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
        parser.add_argument("--fresh", action="store_true", help="start over, forget a checkpoint")

    def handle(self, generator: str, dataset: str, **options: Any) -> None:
        if options["minutes"] is None and options["images"] is None:
            raise CommandError("How long? Give --minutes, --images or both.")
        try:
            plan = self.planned(generator, dataset, options)
            if plan.has_checkpoint() and not (options["resume"] or options["fresh"]):
                raise CommandError(
                    f"Training of an encoder for {generator!r} at timestep {plan.timestep} has "
                    "begun before: --resume goes on, --fresh starts over."
                )
            record = self.trained(plan, resume=not options["fresh"])
        except (Refused, ValueError) as error:
            raise CommandError(getattr(error, "detail", str(error))) from None
        self.report(plan, record)

    def planned(self, name: str, dataset: str, options: dict[str, Any]) -> Plan:
        generator = jobs.find(Generator, name)
        jobs.ready(generator, "generator")
        row = Dataset.objects.filter(name=dataset).first()
        if row is None:
            known = ", ".join(Dataset.objects.here().values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no dataset {dataset!r}; there is {known}.")
        timestep = options["timestep"]
        plan = Plan(
            generator,
            row,
            timestep=default_timestep(generator) if timestep is None else timestep,
            steps=options["steps"],
            refinements=options["refinements"],
            seconds=None if options["minutes"] is None else 60 * options["minutes"],
            n_images=options["images"],
            start_from=options["start_from"],
        )
        check_settings(generator, **plan.latents)
        return plan

    def trained(self, plan: Plan, *, resume: bool) -> dict[str, Any]:
        stopping = threading.Event()
        # What was learned is kept before the command ends.
        signal.signal(signal.SIGINT, lambda *_: stopping.set())
        with tqdm(total=100, bar_format="{desc} |{bar:30}| {percentage:3.0f}% {elapsed}") as bar:

            def inverted(done: int, n: int) -> None:
                bar.n = round(100 * done / n)
                bar.set_description_str(f"Inverting faces, {done} of {n}")

            def told(reached: TrainingProgress) -> None:
                bar.n = round(100 * min(reached.fraction, 1))
                bar.set_description_str(
                    f"{reached.images_seen:,} images, {reached.images_per_second:.0f}/s, "
                    f"loss {reached.loss:.4f}"
                )

            record = train_encoder(
                plan,
                resume=resume,
                on_invert=inverted,
                on_progress=told,
                should_stop=stopping.is_set,
            )
        if stopping.is_set():
            raise CommandError("Stopped, and kept as far as it came; --resume goes on.")
        return record

    def report(self, plan: Plan, record: dict[str, Any]) -> None:
        figures = record["training"]
        self.stdout.write(
            f"Encoder of {plan.generator.name}: timestep {plan.timestep}, "
            f"{record['n_parameters']:,} parameters, sha256 {record['sha256'][:12]}, {plan.folder}."
        )
        if "mse" in figures:
            self.stdout.write(
                f"On {figures['n_checked']} faces it has not seen: round-trip MSE "
                f"{figures['mse']:.5f}, inversion's {figures['inversion_mse']:.5f}; "
                f"{1000 * figures['cpu_seconds_per_face']:.1f} ms of processor time per face, "
                f"inversion's {1000 * figures['inversion_cpu_seconds_per_face']:.1f}."
            )

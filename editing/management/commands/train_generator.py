"""manage.py train_generator DATASET: a diffusion network for the dataset's own faces."""

import signal
import threading
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from editing.engine.training import TrainingProgress
from editing.jobs import check_name, find, ready
from editing.models import Generator
from editing.runs.training import has_checkpoint, train_generator
from labeling.errors import Refused
from labeling.models import Dataset


class Command(BaseCommand):
    help = "Train a generator on a dataset's train split; Ctrl-C any time, --resume goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", help="its name")
        parser.add_argument("--name", help="what the generator is called; default: the dataset")
        parser.add_argument("--minutes", type=float, help="the whole budget, earlier runs included")
        parser.add_argument("--images", type=int, help="the whole budget, earlier runs included")
        parser.add_argument("--size", type=int, default=64, help="a power of two from 16")
        parser.add_argument("--start-from", help="a generator whose weights are trained on")
        parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
        parser.add_argument("--fresh", action="store_true", help="start over, forget a checkpoint")

    def handle(self, dataset: str, **options: Any) -> None:
        row = Dataset.objects.filter(name=dataset).first()
        if row is None:
            known = ", ".join(Dataset.objects.here().values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no dataset {dataset!r}; there is {known}.")
        if options["minutes"] is None and options["images"] is None:
            raise CommandError("How long? Give --minutes, --images or both.")
        name = options["name"] or dataset
        try:
            check_name(name)
            begun = self.begun(options["start_from"])
        except Refused as error:
            raise CommandError(error.detail) from None
        if Generator.objects.filter(name=name, status="done").exists():
            raise CommandError(f"There is a generator {name!r} already; give another --name.")
        if has_checkpoint(name) and not (options["resume"] or options["fresh"]):
            raise CommandError(
                f"Training of {name!r} has begun before: --resume goes on, --fresh starts over."
            )
        folder = self.trained(row, name, options | {"start_from": begun})
        call_command("add_generator", str(folder), name=name, stdout=self.stdout)

    def begun(self, name: str | None) -> Generator | None:
        if name is None:
            return None
        generator = find(Generator, name)
        ready(generator, "generator")
        return generator

    def trained(self, dataset: Dataset, name: str, options: dict[str, Any]) -> Any:
        layout = "{desc} |{bar:30}| {percentage:3.0f}% {elapsed}"
        minutes = options["minutes"]
        stopping = threading.Event()
        # The network is kept before the command ends: hours of training are worth a second.
        signal.signal(signal.SIGINT, lambda *_: stopping.set())
        with tqdm(total=100, bar_format=layout) as bar:

            def loaded(done: int, n: int) -> None:
                bar.n = round(100 * done / n)
                bar.set_description_str(f"Reading faces, {done} of {n}")

            def told(reached: TrainingProgress) -> None:
                bar.n = round(100 * min(reached.fraction, 1))
                bar.set_description_str(
                    f"{reached.images_seen:,} images, {reached.images_per_second:.0f}/s, "
                    f"loss {reached.loss:.4f}"
                )

            try:
                folder = train_generator(
                    dataset,
                    name,
                    size=options["size"],
                    seconds=None if minutes is None else 60 * minutes,
                    n_images=options["images"],
                    resume=not options["fresh"],
                    start_from=options["start_from"],
                    on_load=loaded,
                    on_progress=told,
                    should_stop=stopping.is_set,
                )
            except (Refused, ValueError) as error:
                raise CommandError(str(error)) from None
        if stopping.is_set():
            raise CommandError("Stopped, and kept as far as it came; --resume goes on.")
        return folder

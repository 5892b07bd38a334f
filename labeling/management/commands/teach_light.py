"""manage.py teach_light: make the classifier anew that knows light before the first vote."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from labeling.learning.light_prior import FILE
from labeling.learning.rendered import teach


class Command(BaseCommand):
    help = "Render faces, teach a classifier where their light comes from, and write it to ship."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--faces", type=int, default=3000)
        parser.add_argument("--seed", type=int, default=41)

    def handle(self, *args: Any, **options: Any) -> None:
        def progress(ready: int, total: int) -> None:
            if ready % 100 == 0 or ready == total:
                self.stdout.write(f"{ready} of {total} faces rendered")

        taught = teach(options["faces"], options["seed"], progress)
        FILE.write_bytes(taught.to_bytes())
        card = taught.card
        self.stdout.write(
            f"{FILE.name}: accuracy {card['accuracy']:.3f}, log-loss {card['log_loss']:.3f}, "
            f"ECE {card['ece']:.3f} on rendered people it had not seen"
        )

"""manage.py add_generator FOLDER|HUB_ID: load, check and register a diffusion generator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from editing import jobs, runs
from editing.jobs.embeddings import DEFAULT_NOISE
from labeling.errors import Refused
from labeling.management.running import do, nobody


class Command(BaseCommand):
    help = "Load and check an unconditional diffusers DDPM or DDIM pipeline, and register it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="a folder in diffusers' layout, or a hub id org/name")
        parser.add_argument("--name", help="what it is called here; default: the folder's name")

    def handle(self, source: str, name: str | None, **options: Any) -> None:
        name = name or source.rstrip("/").rpartition("/")[2]
        body = {"name": name, "source": source}
        try:
            job = jobs.add_generator(user=None, **body, anywhere=True, body=body, ring=nobody)
        except Refused as error:
            raise CommandError(error.detail) from None
        do(job, runs.check_generator)
        for line in told(job.name, job.sha256, job.card):
            self.stdout.write(line)


def told(name: str, sha256: str, card: dict[str, Any]) -> list[str]:
    """The check in sentences: what fits, what does not, and what a face will cost."""
    size, last, steps = card["image_size"], card["last_timestep"], card["train_timesteps"]
    middle = min(round(steps * DEFAULT_NOISE), last)
    calls = round(jobs.DEFAULT_STEPS * middle / last) + 1
    lines = [
        f"Generator {name}: {size} x {size}, {card['n_parameters']:,} parameters, "
        f"{card['schedule']}, sha256 {sha256[:12]}.",
        f"It predicts {card['prediction_type']} and is usable up to timestep {last} of {steps}.",
        f"Inverting a face to timestep {middle} takes about "
        f"{calls * card['seconds_per_call']:.2g} s here, in {card['number_type']}.",
    ]
    if card["bottleneck"]:
        lines.append(f"Latents of kind h and local edits do not fit it: {card['bottleneck']}")
    else:
        shape = " x ".join(map(str, card["bottleneck_shape"]))
        lines.append(
            f"It splits at its bottleneck, {shape}: latents of kind h and local edits fit."
        )
    if encoder := card["encoder"]:
        lines.append(f"It comes with an encoder for timestep {encoder['timestep']}.")
    else:
        lines.append(card["encoder_note"])
    return lines

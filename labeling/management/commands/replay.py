"""manage.py replay CAMPAIGN --truth FILE: which way of asking needs the fewest votes, offline."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from labeling import consensus, describing
from labeling.learning import replay
from labeling.learning.crowd import Crowd, Kind
from labeling.learning.peers import peers
from labeling.management.naming import campaign_named
from labeling.management.replayed import draw, write_csv
from labeling.models import Campaign, Face

LEAST_SEEDS, LEAST_FACES = 10, 40
BUDGETS = [5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200]


class Command(BaseCommand):
    help = (
        "Replay a campaign whose truth is known with simulated annotators: our way of asking "
        "beside others. Writes curves.csv and curves.png. Nothing in the database changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug; its faces' features are made if missing")
        parser.add_argument("--truth", type=Path, help="CSV with columns file and choice (or side)")
        parser.add_argument("--seeds", type=int, default=LEAST_SEEDS, help="at least 10")
        parser.add_argument("--votes", type=int, default=BUDGETS[-1])
        parser.add_argument(
            "--annotators",
            nargs="+",
            choices=list(Kind),
            default=["careful", "careful", "careless", "swapper", "spammer"],
        )
        parser.add_argument("--strategies", nargs="+", help="default: all that are installed")
        parser.add_argument("--into", type=Path, default=Path("replay"), help="a folder")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seeds"] < LEAST_SEEDS:
            raise CommandError(
                f"{options['seeds']} seeds came; expected at least {LEAST_SEEDS}: with fewer, "
                "chance decides which way looks better."
            )
        campaign = campaign_named(options["campaign"])
        strategies = choose(options["strategies"])
        pools = read_pools(campaign, options["truth"])
        budgets = [votes for votes in BUDGETS if votes <= options["votes"]]
        crowd = Crowd([Kind(kind) for kind in options["annotators"]], consensus.mirror_of(campaign))
        with tqdm(total=len(strategies), bar_format="{desc:<50.50} |{bar:20}| {elapsed}") as bar:

            def tell(text: str) -> None:
                bar.set_description_str(text)
                bar.update()

            seeds = range(options["seeds"])
            curves = replay.compare(
                pools, strategies, crowd, budgets=budgets, seeds=seeds, tell=tell
            )
        options["into"].mkdir(parents=True, exist_ok=True)
        write_csv(options["into"] / "curves.csv", curves)
        draw(options["into"] / "curves.png", curves, title=f"{campaign.title}: {len(seeds)} seeds")
        goal = 0.95 * float(np.mean([replay.full_accuracy(pools(seed)) for seed in seeds]))
        for curve in curves:
            votes, low, high = curve.votes_to(goal)
            last, half = 100 * curve.mean[-1], 100 * curve.half_width[-1]
            self.stdout.write(
                f"{curve.name:10s} {votes:6.1f} votes ({low:.1f} to {high:.1f}) "
                f"to {100 * goal:.1f}%, then {last:.1f} ± {half:.1f}%"
            )
        self.stdout.write(f"Curves: {options['into'] / 'curves.csv'} and curves.png")


def choose(names: list[str] | None) -> dict[str, replay.Strategy]:
    there = {**replay.STRATEGIES, **peers()}
    if unknown := sorted(set(names or []) - set(there)):
        raise CommandError(
            f"The strategies {unknown} are unknown; expected some of {sorted(there)}"
            " (badge and typiclust come with requirements-bench.txt)."
        )
    return {name: there[name] for name in names or there}


def read_pools(campaign: Campaign, truth_file: Path | None) -> Any:
    """From a seed to faces of the campaign whose truth is known, split by people."""
    described = describing.describe(campaign, lambda *args: None)
    file = truth_file or Path(campaign.dataset.image_folder).parent / "truth.csv"
    known = read_truth(file, campaign.values)
    names = dict(
        Face.objects.filter(id__in=described.face_ids.tolist()).values_list("id", "filename")
    )
    rows = [i for i, face in enumerate(described.face_ids.tolist()) if names[face] in known]
    if len(rows) < LEAST_FACES:
        raise CommandError(
            f"{file} knows {len(rows)} of the campaign's faces; expected {LEAST_FACES} or more."
        )
    truth = np.array([known[names[face]] for face in described.face_ids[rows].tolist()])
    people = described.identities[rows]
    people = np.where(people < 0, people.max(initial=0) + 1 + np.arange(len(rows)), people)
    vectors = described.vectors[rows].astype(np.float64)
    return replay.split_by_people(
        vectors,
        truth,
        people,
        ambiguity=np.zeros(len(rows)),
        contrast=described.contrast[rows],
        yaw=described.yaw[rows],
        mirror_of=consensus.mirror_of(campaign),
        signs=described.reading.signs,
    )


def read_truth(file: Path, values: list[str]) -> dict[str, int]:
    """From file name to the place of its true choice; raises CommandError for what is wrong."""
    if not file.is_file():
        raise CommandError(
            f"There is no {file}; name a CSV with columns file and choice by --truth."
        )
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        column = next((c for c in ("choice", "side") if c in (reader.fieldnames or [])), None)
        if column is None or "file" not in (reader.fieldnames or []):
            raise CommandError(
                f"{file} has the columns {reader.fieldnames}; expected file and choice."
            )
        found = {}
        for number, row in enumerate(reader, start=2):
            if not row[column]:
                continue  # ambiguous: nobody knows
            if row[column] not in values:
                raise CommandError(f"{file}:{number}: {row[column]!r}; expected one of {values}.")
            found[row["file"]] = values.index(row[column])
    return found

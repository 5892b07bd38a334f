"""manage.py simulate_votes CAMPAIGN: annotators of known skill vote on rendered faces."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from labeling import votes
from labeling.errors import Refused
from labeling.management.naming import campaign_named
from labeling.models import UNSURE, Campaign, Turn, Vote
from lightstage.light import CENTER_DEGREES
from lightstage.truth import Truth, read_truth

NAMES = ("kim", "lee", "noa", "ola", "pat", "ray", "sky", "uma")
# Degrees by which an annotator misjudges the light's azimuth: the careful and the careless.
MISJUDGED_DEGREES = (4.0, 10.0)
# Light this near to a boundary, as the annotator sees it, makes every fourth say "unsure".
DOUBTFUL_DEGREES = 3.0
UNSURE_SHARE = 0.25
SLIP_SHARE = 0.01


class Command(BaseCommand):
    help = "Cast votes on a part of a rendered dataset from its truth; marked as simulated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")
        parser.add_argument("--faces", type=int, default=600)
        parser.add_argument("--annotators", type=int, default=4, help=f"1 to {len(NAMES)}")
        parser.add_argument("--votes", type=int, default=1, help="votes per face")
        parser.add_argument(
            "--audits", action="store_true", help="all audit faces instead, as often as they want"
        )
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = campaign_named(options["campaign"])
        n_annotators, n_votes = options["annotators"], options["votes"]
        if options["audits"]:
            n_votes = campaign.audit_votes
        if not 1 <= n_votes <= n_annotators <= len(NAMES):
            raise CommandError(
                f"{n_votes} votes per face by {n_annotators} annotators; expected at least as many "
                f"annotators as votes, and at most {len(NAMES)}."
            )
        truth = truth_of(campaign)
        faces = chosen(campaign, None if options["audits"] else options["faces"])
        rng = np.random.default_rng(options["seed"])
        rows = simulated([truth[name] for name in faces], n_annotators, n_votes, rng)
        try:
            stored = votes.cast_outside(campaign, rows, source=Vote.Source.SIMULATED)
        except Refused as error:
            raise CommandError(error.detail) from None
        self.stdout.write(
            f"{stored['stored']} simulated votes stored, {stored['duplicate']} were there before."
        )


def truth_of(campaign: Campaign) -> dict[str, Truth]:
    """The truth about a campaign's faces, by file name."""
    # The images lie in img_align_celeba/, the truth beside it.
    folder = Path(campaign.dataset.image_folder).parent
    try:
        return {row.file: row for row in read_truth(folder)}
    except (OSError, ValueError) as error:
        raise CommandError(
            f"Votes are simulated from {folder}/truth.csv, which the light stage writes: {error}"
        ) from None


def chosen(campaign: Campaign, n_faces: int | None) -> list[str]:
    """The first n faces by file name that nobody else has voted on; None: all audit faces."""
    kind = Turn.Kind.AUDIT if n_faces is None else Turn.Kind.ASK
    asked = Turn.objects.filter(campaign=campaign, kind=kind)
    theirs = asked.exclude(votes__source=Vote.Source.SIMULATED)
    free = asked.exclude(id__in=theirs.filter(had__gt=0))
    return list(free.order_by("face__filename").values_list("face__filename", flat=True)[:n_faces])


def simulated(
    faces: Sequence[Truth], n_annotators: int, n_votes: int, rng: np.random.Generator
) -> Iterator[tuple[str, str, str]]:
    """(file, annotator, choice): each sees the azimuth with an error of their own size."""
    skill = np.linspace(*MISJUDGED_DEGREES, n_annotators)
    for truth in faces:
        for who in rng.permutation(n_annotators)[:n_votes]:
            seen = truth.azimuth_degrees + rng.normal(0, skill[who])
            side = "center" if abs(seen) <= CENTER_DEGREES else "left" if seen < 0 else "right"
            doubt = abs(abs(seen) - CENTER_DEGREES) < DOUBTFUL_DEGREES
            slip, hesitation = rng.random(2)
            if slip < SLIP_SHARE:
                side = ("left", "center", "right")[int(rng.integers(3))]
            elif doubt and hesitation < UNSURE_SHARE:
                side = UNSURE
            yield truth.file, NAMES[who], side

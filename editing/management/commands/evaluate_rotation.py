"""manage.py evaluate_rotation DIRECTION...: held-out faces x angles x settings, with intervals."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from editing import jobs
from editing.management.contenders import Setting
from editing.management.evaluated import as_text, summary, write_tables
from editing.management.evaluation import DEGREES, Evaluation
from editing.management.plotted import write_plots
from editing.models import Direction
from editing.runs.rendering import light_of
from labeling.errors import Refused

LOOPS: dict[str, dict[str, Any]] = {
    "open": {},
    "closed": {"closed_loop": True},
    "light": {"closed_loop": True, "hold_light": True},
    "walk": {"path": "walk"},
}
HOLDING = ("light", "walk")


class Command(BaseCommand):
    help = (
        "Turn many held-out faces by each direction and say what came: degrees, light, identity, "
        "and on rendered faces the truth. Stopped half-way, the same call goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directions",
            nargs="+",
            help="ids; 3,4,5 is one setting whose directions share the faces, by their filters",
        )
        parser.add_argument("--faces", type=int, default=200)
        parser.add_argument("--degrees", type=float, nargs="+", default=list(DEGREES))
        parser.add_argument(
            "--loops",
            nargs="+",
            choices=list(LOOPS),
            default=["open", "closed"],
            help="light: a closed loop that also holds the light; walk: in strides, light held",
        )
        parser.add_argument("--out", type=Path, default=settings.VAR_DIR / "evaluations")

    def handle(self, **given: Any) -> None:
        degrees = sorted(set(given["degrees"]) - {0.0})
        if not degrees or given["faces"] < 1:
            raise CommandError("Give one angle other than 0 and one face, or more.")
        out: Path = given["out"]
        try:
            ways = [way for ids in given["directions"] for way in self.ways(ids, given["loops"])]
            with tqdm(total=100, bar_format="{desc:<40.40} |{bar:30}| {percentage:3.0f}%") as bar:

                def tell(share: float, step: str = "") -> None:
                    bar.n = round(100 * min(max(share, 0.0), 1.0))
                    bar.set_description_str(step or None)

                work = Evaluation(ways, out, degrees, given["faces"], tell)
                records = work.run()
        except Refused as error:
            raise CommandError(error.detail) from None
        except KeyboardInterrupt:
            raise CommandError(f"Stopped; the same call goes on from {out}.") from None
        rows = summary(records)
        write_tables(rows, records, out)
        (out / "summary.json").write_text(json.dumps(rows, indent=1))
        (out / "probes.json").write_text(json.dumps(work.cards(), indent=1))
        write_plots(rows, out)
        self.stdout.write(as_text(rows))
        self.stdout.write(f"{out}: summary.csv, frames.csv, achieved.png, kept.png, probes.json")

    def ways(self, ids: str, loops: list[str]) -> list[Setting]:
        """The settings of one argument: its directions with each loop that was asked for."""
        directions = []
        for text in ids.split(","):
            if not text.isdigit():
                raise CommandError(f"{ids!r} names no directions; expected ids such as 3 or 3,4,5.")
            direction = jobs.find(Direction, int(text))
            jobs.ready(direction, "direction")
            directions.append(direction)
        # As a user's edits do: faces that are all lit alike borrow the slope of others' light.
        lit_by = light_of(directions[0]) if set(HOLDING) & set(loops) else None
        return [
            Setting(
                f"{ids}-{loop}",
                tuple(directions),
                light_of=lit_by if loop in HOLDING else None,
                **LOOPS[loop],
            )
            for loop in loops
        ]

"""Turning heads on the light stage: what is asked, what comes, and what is kept on the way.

`make bench NAME=rotation ARGS="--faces 200"`. Renders faces that the generator has not seen, lets
simulated annotators vote on the light, embeds, fits, turns held-out faces by -30..30 degrees and
holds them against the stage's own pictures. Everything is kept under var/bench/rotation: a stopped
run goes on where it was, and one with other --tables adds them to the same line, which says of each
by which state of the code it was measured; --fresh starts over.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks._database import kept_database
from benchmarks._heads import STEPS, Heads
from benchmarks._reporting import report, rounded, say

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "editing" / "generators" / "lightstage64"
SEED = 2042  # of no generator's training faces
SIDES = ("left", "center", "right")
# People whose faces the other spaces are embedded for, and faces on which ways are compared.
COMPARED_PEOPLE, COMPARED_FACES = 100, 40
FIGURES = (
    "yaw_mae", "slope", "yaw_mae_true", "slope_true", "light_kept", "light_kept_true", "identity",
    "truth_mse", "truth_mse_unturned", "rounds", "shell",
)  # fmt: skip
PROMISED = (
    "yaw_mae", "slope", "light_kept", "identity", "identity_same_person", "identity_different",
    "reconstruction_mse", "truth_mse", "truth_mse_unturned", "yaw_mae_true", "slope_true",
    "light_kept_true", "perfect_light_kept", "perfect_identity",
)  # fmt: skip
UNFILTERED = "no filter"
# Directions, whether the loop is closed, whether it holds the light, by whose slope of the light,
# and the path where it is no line.
Way = tuple[Any, ...]


class Ways:
    """What each table compares: a name and a way of turning per row."""

    def __init__(self, heads: Heads, timestep: int) -> None:
        self.heads = heads
        self.timestep = timestep

    @cached_property
    def middle(self) -> Any:
        return self.heads.embed("", self.timestep)

    @cached_property
    def everybody(self) -> Any:
        return self.heads.fit(self.middle)

    @cached_property
    def by_side(self) -> tuple[Any, ...]:
        return tuple(self.heads.fit(self.middle, consensus=side) for side in SIDES)

    def main(self) -> dict[str, Way]:
        """The first is the one that the promised keys tell of."""
        return {
            "walk in strides": ((self.everybody,), False, False, None, "walk"),
            # One side's faces say nothing of how light moves; everybody's do.
            "same light, closed loop that holds the light": (
                self.by_side, True, True, self.everybody
            ),
            "same light": (self.by_side, False, False),
            UNFILTERED: ((self.everybody,), False, False),
        }  # fmt: skip

    def light_and_loop(self) -> dict[str, Way]:
        similar = (self.heads.fit(self.middle, {"weights": "similar"}),)
        return {
            "same light": (self.by_side, False, False),
            "same light, closed loop": (self.by_side, True, False),
            "same light, closed loop that holds the light": (
                self.by_side, True, True, self.everybody
            ),
            "slopes like the source": (similar, False, False),
            "slopes like the source, closed loop that holds the light": (similar, True, True),
            # As a lab walks that has fitted one side only.
            "walk among faces of the same light": (self.by_side, False, False, None, "walk"),
            "walk in strides": ((self.everybody,), False, False, None, "walk"),
        }  # fmt: skip

    def ways_of_walking(self) -> dict[str, Way]:
        recipes = {
            "two lines, straight": {"motion": "straight"},
            "two lines, norm kept": {"motion": "norm"},
            "one line, moments": {"lines": "one"},
        }
        return {
            "two lines, moments": ((self.everybody,), False, False),
            **{
                name: ((self.heads.fit(self.middle, recipe),), False, False)
                for name, recipe in recipes.items()
            },
        }

    def by_space(self) -> dict[str, Way]:
        last = self.heads.generator.card["last_timestep"]
        return {
            **{f"x_t, t={t}": (self.of_some(timestep=t), False, False) for t in (313, 509, 704)},
            "x_T": (self.of_some(timestep=last), False, False),
            "h": (self.of_some(timestep=509, kind="h"), False, False),
        }

    def encoder(self) -> dict[str, Way]:
        """The encoder's latents, and inversion's of the same grid."""
        ours = self.of_some(timestep=None, method="encoder", steps=None)
        row = ours[0].generator.embeddings.filter(space=ours[0].space)[0]
        theirs = self.of_some(timestep=row.timestep, steps=row.steps, refinements=row.refinements)
        return {
            "inversion": (theirs, False, False),
            "encoder": (ours, False, False),
            "inversion, closed loop that holds the light": (theirs, True, True),
            "encoder, closed loop that holds the light": (ours, True, True),
        }

    def of_some(self, **how: Any) -> tuple[Any]:
        """A direction through some people's faces in a space of their own."""
        people = ",".join(map(str, range(1, COMPARED_PEOPLE + 1)))
        embedding = self.heads.embed(f"identity={people}", **how)
        # Weights by likeness hold the light without a fit for each side.
        motion = "straight" if how.get("kind") == "h" else "moments"
        recipe = {"weights": "similar", "motion": motion}
        return (self.heads.fit(embedding, recipe, identity=people),)


TABLES: dict[str, Callable[[Ways], dict[str, Way]]] = {
    "main": Ways.main,
    "light_and_loop": Ways.light_and_loop,
    "ways_of_walking": Ways.ways_of_walking,
    "by_space": Ways.by_space,
    "encoder": Ways.encoder,
}


def evaluated(
    title: str, ways: dict[str, Way], folder: Path, n_faces: int, degrees: Sequence[float]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of figures for each way, all on the same faces, and the probes' own errors.

    Strips and tables are written under folder; faces that were turned before are not turned again.
    """
    from editing.management.contenders import Setting
    from editing.management.evaluated import summary, write_tables
    from editing.management.evaluation import Evaluation
    from editing.management.plotted import write_plots

    settings = [Setting(name, *way) for name, way in ways.items()]
    say(f"turning {n_faces} faces in {len(settings)} ways: {', '.join(ways)}")
    work = Evaluation(settings, folder / "evaluation", degrees, n_faces, told_now_and_then())
    records = work.run()
    rows = summary(records)
    own = folder / "tables" / title
    own.mkdir(parents=True, exist_ok=True)
    write_tables(rows, records, own)
    write_plots(rows, own)
    return rows, work.cards()


def kept(path: Path, asked: dict[str, Any], made: Callable[[], dict[str, Any]] | None) -> Any:
    """What a file says, made first where that is wanted; None where it was asked otherwise."""
    from editing.runs.provenance import code_version

    if made is not None:
        told = {"asked": asked, "code": code_version()["sources_sha256"][:12], **made()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told))
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    if told["asked"] != asked:
        say(f"left out: {path} was measured with {told['asked']}, asked now are {asked}")
        return None
    return told


def measured(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from benchmarks._ceiling import ceiling

    heads = Heads(given.folder.resolve() / "stage", given.generator)
    ways = Ways(heads, given.timestep)
    generator = heads.generator.sha256
    own = folder / generator[:8]
    asked = {"generator": generator, "timestep": given.timestep, "degrees": given.angles}

    path = own / "ceiling.json"
    by_samples = kept(
        path, {"generator": generator},
        None if path.is_file() else lambda: ceiling(heads.generator, heads.dataset, STEPS),
    )  # fmt: skip
    found = {}
    for title, ways_of in TABLES.items():
        n_faces = given.faces if title == "main" else given.compared

        def made(title: str = title, ways_of: Any = ways_of, n: int = n_faces) -> dict[str, Any]:
            rows, cards = evaluated(title, ways_of(ways), own, n, given.angles)
            return {"rows": rows, "probes": cards}

        table = kept(
            own / "tables" / title / "kept.json", asked, made if title in given.tables else None
        )
        if table is not None:
            found[title] = table
    return {
        "ceiling": {name: by_samples[name] for name in by_samples if name != "asked"},
        **(promised(**found["main"]) if "main" in found else {}),
        **{title: short(table["rows"]) for title, table in found.items() if title != "main"},
        "tables": {
            title: {"code": table["code"], "measured_now": title in given.tables}
            for title, table in found.items()
        },
    }


def promised(rows: list[dict[str, Any]], probes: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The promised keys, from the first setting and, for the light, from the one unfiltered."""
    overall = {row["setting"]: row for row in rows if row["degrees"] == "all"}
    best, unfiltered = next(iter(overall.values())), overall[UNFILTERED]
    angles = [r for r in rows if r["setting"] == best["setting"] and r["degrees"] != "all"]
    told = {name: rounded(best[name]) for name in PROMISED if name in best}
    intervals = {
        name: [rounded(best[f"{name}_low"]), rounded(best[f"{name}_high"])] for name in told
    }
    return {
        "faces": best["faces"],
        "setting": best["setting"],
        "requested": [row["degrees"] for row in angles],
        "achieved_mean": [round(row["achieved_mean"], 2) for row in angles],
        "achieved_mean_true": [round(row.get("achieved_mean_true", 0), 2) for row in angles],
        **told,
        "light_kept_unfiltered": rounded(unfiltered["light_kept"]),
        "intervals": intervals,
        "settings": short(rows),
        "probes": probes,
    }


def short(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures over all angles, each as value, low and high."""
    return {
        row["setting"]: {
            "faces": row["faces"],
            **{
                name: [rounded(row[name + end], 3) for end in ("", "_low", "_high")]
                for name in FIGURES
                if name in row
            },
        }
        for row in rows
        if row["degrees"] == "all"
    }


def told_now_and_then() -> Callable[[float, str], None]:
    """A progress that says every tenth of each of its steps on stderr."""
    last = 0.0

    def tell(share: float, step: str = "") -> None:
        nonlocal last
        if not last <= share < last + 0.1:
            last = share
            say(f"  {share:.0%} {step}")

    return tell


def measure(given: argparse.Namespace) -> dict[str, Any]:
    from lightstage.celeba import write_dataset

    stage = given.folder.resolve() / "stage"
    say(f"rendering {given.rendered} faces of seed {SEED}, or finding them in {stage}")
    n_faces = write_dataset(stage, given.rendered, SEED)
    # Labels and probes follow from all faces there are: other faces, another database.
    folder = given.folder.resolve() / f"{n_faces}-faces"
    if given.fresh:
        from config import postgres

        postgres.stop(folder / "var" / "postgresql")
        shutil.rmtree(folder, ignore_errors=True)
    with kept_database(folder / "var"):
        return measured(given, folder)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    var = Path(os.environ.get("PENUMBRA_VAR") or ROOT / "var")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--faces", type=int, default=200, help="held-out faces of the main table")
    parser.add_argument("--compared", type=int, default=COMPARED_FACES, help="of the others")
    parser.add_argument("--rendered", type=int, default=3600)
    parser.add_argument("--angles", type=float, nargs="+", default=[-30, -20, -10, 10, 20, 30])
    parser.add_argument("--timestep", type=int, default=509, help="noise of the main latents")
    parser.add_argument("--generator", type=Path, default=SHIPPED)
    parser.add_argument("--folder", type=Path, default=var / "bench" / "rotation")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    arguments = parsed()
    report("rotation", lambda: measure(arguments))

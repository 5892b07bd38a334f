"""Turning heads on the light stage: what is asked, what comes, and what is kept on the way.

`make bench NAME=rotation ARGS="--faces 200"`. Renders faces that the generator has not seen (kept
under var/bench, the second run finds them), lets simulated annotators vote on the light, embeds,
fits, turns held-out faces by -30..30 degrees and holds them against the stage's own pictures.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._database import throw_away_database
from benchmarks._reporting import report, rounded, say

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "editing" / "generators" / "lightstage64"
SEED = 2042  # of no generator's training faces
SIDES = ("left", "center", "right")
STEPS = 12
# People whose faces the other spaces are embedded for, and faces on which ways are compared.
COMPARED_PEOPLE, COMPARED_FACES = 100, 40
N_SAMPLES = 256
FIGURES = (
    "yaw_mae", "slope", "yaw_mae_true", "slope_true", "light_kept", "light_kept_true", "identity",
    "truth_mse", "truth_mse_unturned", "rounds", "shell",
)  # fmt: skip


class Bench:
    """One run: rows in a throw-away database, pictures under `folder`."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given = given
        self.folder = folder
        self.cards: dict[str, Any] = {}

    def measure(self) -> dict[str, Any]:
        self.import_faces()
        self.label()
        self.add_generator()
        figures = {"ceiling": self.ceiling()}
        middle = self.embed("", self.given.timestep)
        query = {"release": self.release.id}
        everybody = self.fit(query, middle)
        by_side = tuple(self.fit({**query, "consensus": side}, middle) for side in SIDES)
        similar = self.fit(query, middle, {"weights": "similar"})
        main = self.evaluate(
            "main",
            self.given.faces,
            {
                # One side's faces say nothing of how light moves; everybody's do.
                "same light, closed loop that holds the light": (by_side, True, True, everybody),
                "same light": (by_side, False, False),
                "no filter": ((everybody,), False, False),
            },
        )
        few = self.given.compared
        beside = self.evaluate(
            "light_and_loop",
            few,
            {
                "same light": (by_side, False, False),
                "same light, closed loop": (by_side, True, False),
                "same light, closed loop that holds the light": (by_side, True, True, everybody),
                "slopes like the source": ((similar,), False, False),
                "slopes like the source, closed loop that holds the light": (
                    (similar,),
                    True,
                    True,
                ),
            },
        )
        walks = {"two lines, moments": ((everybody,), False, False)}
        for name, recipe in self.recipes():
            walks[name] = ((self.fit(query, middle, recipe),), False, False)
        ways = self.evaluate("ways_of_walking", few, walks)
        spaces = self.evaluate("by_space", few, dict(self.spaces(query)))
        return figures | self.told(main) | {
            "ways_of_walking": self.short(ways),
            "light_and_loop": self.short(beside),
            "by_space": self.short(spaces),
        }  # fmt: skip

    def recipes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "two lines, straight", {"motion": "straight"}
        yield "two lines, norm kept", {"motion": "norm"}
        yield "one line, moments", {"lines": "one"}

    def spaces(self, query: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        people = ",".join(map(str, range(1, COMPARED_PEOPLE + 1)))
        last = self.generator.card["last_timestep"]
        for name, timestep, kind in (
            ("x_t, t=313", 313, "x_t"), ("x_t, t=509", 509, "x_t"), ("x_t, t=704", 704, "x_t"),
            ("x_T", last, "x_t"), ("h", 509, "h"),
        ):  # fmt: skip
            embedding = self.embed(f"identity={people}", timestep, kind)
            # Weights by likeness hold the light without a fit for each side.
            recipe = {"weights": "similar", "motion": "straight" if kind == "h" else "moments"}
            direction = self.fit({**query, "identity": people}, embedding, recipe)
            yield name, ((direction,), False, False)

    def import_faces(self) -> None:
        from labeling.importing.celeba import import_faces
        from lightstage.celeba import write_dataset

        n = self.given.rendered
        say(f"rendering {n} faces of seed {SEED}, or finding them in {self.folder / 'stage'}")
        write_dataset(self.folder / "stage", n, SEED)
        self.dataset = import_faces(self.folder / "stage", "bench").dataset

    def label(self) -> None:
        """Simulated votes on every face, then what the model and they say together, released."""
        from django.core.management import call_command

        from labeling import jobs, queue, refreshes, releases
        from labeling.models import Refresh

        say("simulated votes, a refresh, a release")
        campaign = queue.create_campaign(self.dataset, "bench", title="bench")
        queue.top_up(campaign)
        with Path(os.devnull).open("w") as silence:
            call_command("simulate_votes", "bench", faces=self.given.rendered, stdout=silence)
        waiting = Refresh.objects.filter(campaign=campaign, status="queued").first()
        self.done(waiting or Refresh.objects.create(campaign=campaign), refreshes.refresh)
        body = {"include": ["human", "model"]}
        self.release = self.done(
            jobs.ask_release(campaign, user=None, body=body, key=""), releases.write
        )

    def add_generator(self) -> None:
        from editing import jobs, runs

        folder = str(self.given.generator)
        row = jobs.add_generator(
            user=None, name="bench", source=folder, anywhere=True, body={}, ring=nobody
        )
        self.generator = self.done(row, runs.check_generator)

    def embed(self, query: str, timestep: int, kind: str = "x_t") -> Any:
        from editing import jobs, runs
        from editing.filters import FaceFilter

        say(f"latents of {query[:30] or 'every face'} at t={timestep} ({kind})")
        job = jobs.embed(
            user=None,
            generator=self.generator,
            face_filter=FaceFilter.parse(query),
            timestep=timestep,
            steps=STEPS,
            kind=kind,
            body={},
            ring=nobody,
        )
        return self.done(job, runs.embed)

    def fit(
        self, query: dict[str, Any], embedding: Any, recipe: dict[str, Any] | None = None
    ) -> Any:
        from editing import jobs, runs
        from editing.filters import FaceFilter
        from editing.recipes import FitRecipe

        say(f"a direction: {query.get('consensus', 'every light')}, {recipe or 'as usual'}")
        job = jobs.fit_direction(
            user=None,
            generator=self.generator,
            face_filter=FaceFilter.parse({key: str(value) for key, value in query.items()}),
            embedding=embedding,
            recipe=FitRecipe.parse(recipe),
            body={},
            ring=nobody,
        )
        return self.done(job, runs.fit_direction)

    def evaluate(self, title: str, n_faces: int, ways: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows of figures for each way, all on the same faces; strips and tables are kept."""
        from editing.management.contenders import Setting
        from editing.management.evaluated import summary, write_tables
        from editing.management.evaluation import Evaluation
        from editing.management.plotted import write_plots

        settings = [Setting(name, *way) for name, way in ways.items()]
        say(f"turning {n_faces} faces in {len(settings)} ways: {', '.join(ways)}")
        folder = self.folder / "evaluation"
        work = Evaluation(settings, folder, self.given.angles, n_faces, told_now_and_then())
        records = work.run()
        rows = summary(records)
        own = self.folder / "tables" / title
        own.mkdir(parents=True, exist_ok=True)
        write_tables(rows, records, own)
        write_plots(rows, own)
        self.cards[title] = work.cards()
        return rows

    def ceiling(self) -> dict[str, Any]:
        """What the generator can do at all: how far its samples are from real faces."""
        import torch

        from editing.engine.ddim import generate, time_grid
        from editing.engine.images import to_tensor
        from editing.runs.loading import crops_of, denoiser_of
        from editing.runs.probing import identity_of

        say(f"{N_SAMPLES} samples of the generator beside real faces")
        denoiser = denoiser_of(self.generator)
        size = denoiser.image_size
        noise = torch.randn(
            N_SAMPLES, 3, size, size, generator=torch.Generator().manual_seed(0),
            dtype=torch.float64,
        )  # fmt: skip
        grid = time_grid(denoiser.alpha_bar, STEPS)
        made = [generate(denoiser, part, grid) for part in noise.split(32)]
        measure, _ = identity_of(self.dataset, size, lambda share, step="": None)
        ids = list(self.dataset.faces.order_by("id").values_list("id", flat=True)[: 2 * N_SAMPLES])
        real = measure.embed(to_tensor(crops_of(ids, size)))
        samples = measure.embed(torch.cat(made).float().clamp(-1, 1))
        one, other = real[::2], real[1::2]
        return {
            "samples": N_SAMPLES,
            "sample_distance": rounded(kernel_distance(samples, one)),
            "real_distance": rounded(kernel_distance(other, one)),
            "what": "squared kernel distance (as in KID, cubic) of identity vectors",
            "training": self.generator.card.get("training"),
        }

    def told(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The promised keys, from the first setting and, for the light, from the last."""
        overall = {row["setting"]: row for row in rows if row["degrees"] == "all"}
        best, unfiltered = next(iter(overall.values())), overall["no filter"]
        angles = [r for r in rows if r["setting"] == best["setting"] and r["degrees"] != "all"]
        names = (
            "yaw_mae", "slope", "light_kept", "identity", "identity_same_person",
            "identity_different", "reconstruction_mse", "truth_mse", "truth_mse_unturned",
            "yaw_mae_true", "slope_true", "light_kept_true", "perfect_light_kept",
            "perfect_identity",
        )  # fmt: skip
        told = {name: rounded(best[name]) for name in names if name in best}
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
            "settings": self.short(rows),
            "probes": self.cards["main"],
        }

    def short(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
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

    def done(self, job: Any, work: Callable[[Any, Any], None]) -> Any:
        from labeling import worker

        worker.run(type(job), job.id, work)
        job.refresh_from_db()
        if job.status != "done":
            raise SystemExit(f"{type(job).__name__} {job.id} is {job.status}: {job.error}")
        return job


def nobody(job_id: int) -> None:
    """Rings no worker: the benchmark does the work itself."""


def told_now_and_then() -> Callable[[float, str], None]:
    """A progress that says every tenth on stderr."""
    last = 0.0

    def tell(share: float, step: str = "") -> None:
        nonlocal last
        if share >= last + 0.1:
            last = share
            say(f"  {share:.0%} {step}")

    return tell


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased squared distance of two sets (n, d) under (<x, y> + 1)^3 [1].

    [1] Binkowski et al. 2018, arXiv 1801.01401; there on Inception's features, over d
    """

    def mean(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        k = (x @ y.T + 1) ** 3
        n = len(x)
        return float((k.sum() - np.trace(k)) / (n * (n - 1)) if same else k.mean())

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    folder = given.folder.resolve()
    shutil.rmtree(folder / "evaluation", ignore_errors=not given.folder.exists())
    with throw_away_database():
        return Bench(given, folder).measure()


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    var = Path(os.environ.get("PENUMBRA_VAR") or ROOT / "var")
    parser.add_argument("--faces", type=int, default=200, help="held-out faces of the main table")
    parser.add_argument("--compared", type=int, default=COMPARED_FACES, help="of the others")
    parser.add_argument("--rendered", type=int, default=3600)
    parser.add_argument("--angles", type=float, nargs="+", default=[-30, -20, -10, 10, 20, 30])
    parser.add_argument("--timestep", type=int, default=509, help="noise of the main latents")
    parser.add_argument("--generator", type=Path, default=SHIPPED)
    parser.add_argument("--folder", type=Path, default=var / "bench" / "rotation")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    arguments = parsed()
    report("rotation", lambda: measure(arguments))

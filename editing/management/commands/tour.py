"""manage.py tour: the main job without a browser, from face files to a turned head."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify
from tqdm import tqdm

from editing import jobs as editing_jobs
from editing import places, runs
from editing.filters import FaceFilter
from editing.management import truth
from editing.models import Direction, Edit, Embedding, Generator
from labeling import jobs, queue, refreshes, released, releases, votes
from labeling.errors import Refused
from labeling.importing.celeba import import_faces
from labeling.management.running import do, nobody
from labeling.models import Campaign, Dataset, Face, Refresh, Release
from lightstage.celeba import write_dataset

SHIPPED = settings.BASE_DIR / "editing" / "generators" / "lightstage64"
SEED = 1
# With fewer faces lit from one side its yaw bins are too thin for a line.
FEWEST_LIT = 150
DEGREES = [-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0]


@dataclass(frozen=True)
class Step:
    """One line of the table."""

    step: str
    count: str
    seconds: float
    figure: str


class Command(BaseCommand):
    help = "Import, vote, suggest, release, embed, fit and turn; pictures and figures go to --out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--faces", type=Path, help="a folder in CelebA's layout; else rendered")
        parser.add_argument("--votes", type=Path, help="a CSV of file, annotator, choice")
        parser.add_argument("--rendered", type=int, default=3000, help="faces to render")
        parser.add_argument("--voted", type=int, default=600, help="faces with simulated votes")
        parser.add_argument(
            "--generator", help="a name or folder; else the shipped or a trained one"
        )
        parser.add_argument(
            "--minutes", type=float, default=20, help="training, where one is needed"
        )
        parser.add_argument("--size", type=int, default=32, help="of a generator trained here")
        parser.add_argument("--timestep", type=int, help="noise level of the latents")
        parser.add_argument("--steps", type=int, default=editing_jobs.DEFAULT_STEPS)
        parser.add_argument("--refinements", type=int, default=editing_jobs.DEFAULT_REFINEMENTS)
        parser.add_argument("--truths", type=int, default=24, help="faces re-rendered as a check")
        parser.add_argument("--out", type=Path, default=settings.VAR_DIR / "tour")

    def handle(self, **given: Any) -> None:
        self.given, self.table = given, list[Step]()
        self.out: Path = given["out"]
        self.out.mkdir(parents=True, exist_ok=True)
        if given["faces"] is not None and given["votes"] is None:
            raise CommandError("--faces needs --votes: a CSV of file, annotator, choice.")
        try:
            self.walk()
        except Refused as error:
            raise CommandError(error.detail) from None

    def walk(self) -> None:
        folder = self.given["faces"] or self.render()
        dataset = self.bring_in(folder)
        campaign = self.vote(dataset, folder)
        self.suggest(campaign)
        release = self.release(campaign)
        generator = self.generator(dataset)
        embedding = self.embed(dataset, generator)
        face, direction = self.fit(release, embedding)
        self.turn(face, direction)
        if dataset.is_rendered and self.given["truths"]:
            self.compare(direction)
        self.tell()

    def step(self, name: str, work: Callable[[], tuple[Any, str, str]]) -> Any:
        """Do one step, note its line, give what it made."""
        self.stderr.write(f"{name} ...")
        began = time.monotonic()
        made, count, figure = work()
        self.table.append(Step(name, count, round(time.monotonic() - began, 1), figure))
        self.stderr.write(f"{name}: {count}; {figure}")
        return made

    def render(self) -> Path:
        folder = settings.VAR_DIR / "lightstage"
        n_faces = self.given["rendered"]

        def work() -> tuple[Path, str, str]:
            with tqdm(total=n_faces, desc="Rendering", unit="face") as bar:
                there = write_dataset(
                    folder, n_faces, SEED, progress=lambda ready, _: bar.update(ready - bar.n)
                )
            return folder, f"{there} faces", "known yaw and light"

        return self.step("render", work)

    def bring_in(self, folder: Path) -> Dataset:
        def work() -> tuple[Dataset, str, str]:
            name = "lightstage" if self.given["faces"] is None else folder.resolve().name
            report = import_faces(folder, name)
            missing = ", ".join(report.missing_tables) or "no table missing"
            n_faces = report.added + report.kept
            return report.dataset, f"{n_faces} faces", f"{report.added} new, {missing}"

        return self.step("import", work)

    def vote(self, dataset: Dataset, folder: Path) -> Campaign:
        def work() -> tuple[Campaign, str, str]:
            slug = slugify(f"tour-{dataset.name}")[:60]
            campaign = Campaign.objects.filter(slug=slug).first()
            if campaign is None:
                campaign = queue.create_campaign(dataset, slug, title=f"Tour of {dataset.name}")
            queue.top_up(campaign)
            if self.given["votes"] is not None:
                call_command("import_votes", slug, self.given["votes"], stdout=self.stderr)
            else:
                call_command("simulate_votes", slug, faces=self.given["voted"], stdout=self.stderr)
            standing = votes.standing(campaign)
            n_faces = standing.values("turn").distinct().count()
            people = standing.values("annotator").distinct().count()
            return campaign, f"{standing.count()} votes", f"{n_faces} faces, {people} annotators"

        return self.step("vote", work)

    def suggest(self, campaign: Campaign) -> None:
        def work() -> tuple[None, str, str]:
            waiting = Refresh.objects.filter(campaign=campaign, status="queued").first()
            job = waiting or Refresh.objects.create(campaign=campaign)
            do(job, refreshes.refresh)
            newest = campaign.classifiers.order_by("-version").first()
            if newest is None:
                raise CommandError(f"The votes of {campaign.slug!r} are too few to learn from.")
            accuracy = newest.card["accuracy"]
            n = campaign.suggestions.count()
            return None, f"{n} suggestions", f"held-out accuracy {accuracy:.3f}"

        self.step("suggest", work)

    def release(self, campaign: Campaign) -> Release:
        def work() -> tuple[Release, str, str]:
            body = {"include": ["human", "model"]}
            release = jobs.ask_release(campaign, user=None, body=body, key="")
            do(release, releases.write)
            target = self.out / "release"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(released.folder_of(release), target)
            counts = release.labels.values_list("choice", flat=True)
            by_choice = {value: list(counts).count(value) for value in campaign.values}
            told = ", ".join(f"{value} {n}" for value, n in by_choice.items())
            if (means := release.manifest["mean_faces"]) is not None:
                shutil.copy(target / "mean_faces.png", self.out)
                (self.out / "mean_faces.json").write_text(json.dumps(means, indent=1))
            return release, f"{release.n_labels} labels", told

        return self.step("release", work)

    def generator(self, dataset: Dataset) -> Generator:
        def work() -> tuple[Generator, str, str]:
            given = self.given["generator"]
            if given is None and dataset.is_rendered:
                given = str(SHIPPED)
            elif given is None:
                given = self.trained(dataset)
            row = Generator.objects.filter(name=given, status="done").first()
            if row is None:
                row = self.added(Path(given).resolve())
            card = row.card
            size = f"{card['image_size']}x{card['image_size']}"
            return row, f"{card['n_parameters'] / 1e6:.1f} M parameters", f"{size}, {row.name}"

        return self.step("generator", work)

    def trained(self, dataset: Dataset) -> str:
        """The name of a generator for these faces, trained now unless there is one."""
        if not Generator.objects.filter(name=dataset.name, status="done").exists():
            budget = {"minutes": self.given["minutes"], "size": self.given["size"]}
            call_command("train_generator", dataset.name, resume=True, **budget)
        return dataset.name

    def added(self, folder: Path) -> Generator:
        known = Generator.objects.filter(folder=str(folder), status="done").first()
        if known is not None:
            return known
        call_command("add_generator", str(folder), stdout=self.stderr)
        return Generator.objects.get(folder=str(folder), status="done")

    def embed(self, dataset: Dataset, generator: Generator) -> Embedding:
        def work() -> tuple[Embedding, str, str]:
            job = editing_jobs.embed(
                user=None,
                generator=generator,
                face_filter=FaceFilter.parse({"dataset": dataset.name}),
                timestep=self.given["timestep"],
                steps=self.given["steps"],
                refinements=self.given["refinements"],
                body={"tour": True},
                ring=nobody,
            )
            do(job, runs.embed)
            figures = job.figures
            rate = figures["faces_per_second"]
            told = f"round-trip MSE {figures['round_trip_mse']:.5f}"
            return job, f"{job.n_embedded} latents", told + (f", {rate:.1f}/s" if rate else "")

        return self.step("embed", work)

    def fit(self, release: Release, embedding: Embedding) -> tuple[Face, Direction]:
        """A direction among faces lit from one side, and a held-out face of that side to turn."""

        def work() -> tuple[tuple[Face, Direction], str, str]:
            labels = list(release.labels.values_list("choice", flat=True))
            # Side light shows best whether a turn keeps it; the commoner side has more faces.
            side = max(("left", "right"), key=labels.count)
            if labels.count(side) < FEWEST_LIT:
                side = max(release.campaign.values, key=labels.count)
            query = {"dataset": embedding.dataset.name, "release": release.id, "consensus": side}
            job = editing_jobs.fit_direction(
                user=None,
                generator=embedding.generator,
                face_filter=FaceFilter.parse(query),
                embedding=embedding,
                body=query,
                ring=nobody,
            )
            do(job, runs.fit_direction)
            check = job.result["check"]
            face = Face.objects.get(id=job.result["held_out"][0])
            kept = check["light_kept"]
            told = f"achieved/requested {check['slope']:.2f}, MAE {check['mae']:.1f} degrees"
            told += "" if kept is None else f", light kept {kept:.2f}"
            return (face, job), f"{job.result['n_faces']} faces lit {side}", told

        return self.step("fit", work)

    def turn(self, face: Face, direction: Direction) -> Edit:
        def work() -> tuple[Edit, str, str]:
            job = editing_jobs.turn(
                user=None,
                face=face,
                direction=direction,
                degrees=DEGREES,
                body={"face": face.id},
                ring=nobody,
            )
            do(job, runs.render_edit)
            folder = places.edit_folder(job.id) / job.result["folder"]
            for name in (job.result["strip"], job.result["animation"]):
                shutil.copy(folder / name, self.out / name)
            frames = job.result["frames"]
            achieved = " ".join(f"{frame['achieved_yaw']:+.0f}" for frame in frames)
            return job, f"{face.filename}, {len(frames)} frames", f"measured yaw {achieved}"

        return self.step("turn", work)

    def compare(self, direction: Direction) -> None:
        def work() -> tuple[None, str, str]:
            found = truth.compare(direction, self.given["truths"])
            (self.out / "truth.json").write_text(json.dumps(asdict(found), indent=1))
            told = (
                f"achieved/requested {found.slope:.2f}, MAE {found.mae:.1f} degrees (probe's own "
                f"{found.probe_error:.1f}); error against the true picture {found.truth_mse:.4f}, "
                f"unturned {found.truth_mse_unturned:.4f}"
            )
            return None, f"{found.n_faces} held-out faces", told

        self.step("check", work)

    def tell(self) -> None:
        """The table, on the terminal and beside the pictures."""
        rows = [("step", "count", "seconds", "figure")]
        rows += [(s.step, s.count, f"{s.seconds:.1f}", s.figure) for s in self.table]
        widths = [max(len(row[at]) for row in rows) for at in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in rows
        ]
        text = "\n".join(lines)
        (self.out / "table.txt").write_text(text + "\n")
        (self.out / "table.json").write_text(json.dumps([asdict(s) for s in self.table], indent=1))
        self.stdout.write(text)
        names = "release/, mean_faces.png, strip.png, animation.webp, table.txt"
        self.stdout.write(f"{self.out}: {names}")

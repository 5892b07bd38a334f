"""manage.py evaluate_local GENERATOR: many faces x regions x methods, with intervals and a plot."""

import json
from pathlib import Path
from typing import Any

import torch
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from editing import jobs
from editing.engine.denoiser import load_denoiser
from editing.engine.images import to_tensor
from editing.engine.local_trials import Subject, Terms
from editing.engine.proposals import proposed
from editing.engine.regions import rasterise
from editing.engine.settling import STEPS, turn_of
from editing.filters import FaceFilter
from editing.management.local_evaluation import POOLED, TUNED_ON, LocalEvaluation, Read, regions_of
from editing.management.local_tables import as_text, summary, write_plot
from editing.models import Generator
from editing.runs.loading import crops_of, denoiser_of, device, draw
from editing.runs.measuring import Meter, meter_of
from labeling.errors import Refused
from labeling.models import Face


class Command(BaseCommand):
    help = (
        "Edit regions of many faces by every method, all to one size, and say how local each is. "
        "Stopped half-way, the same call goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="its name")
        parser.add_argument("--filter", default="", help="as in the API: dataset=celeba&yaw_min=..")
        parser.add_argument("--faces", type=int, default=50)
        parser.add_argument("--refined", type=int, default=12, help="of these, refined as well")
        parser.add_argument(
            "--tuning", type=int, default=TUNED_ON, help="other people that choose lambda"
        )
        parser.add_argument(
            "--pooled", type=int, default=POOLED, help="people to pool over, those among them"
        )
        parser.add_argument(
            "--settled", type=int, default=0, help="people to settle over, those among them"
        )
        parser.add_argument("--settling-steps", type=int, default=STEPS)
        parser.add_argument("--size", type=float, default=0.12, help="RMS inside, of -1..1")
        parser.add_argument("--rank", type=int, default=10, help="singular vectors per region")
        parser.add_argument(
            "--steps", type=int, default=Terms.steps, help="DDIM steps of the whole schedule"
        )
        parser.add_argument("--out", type=Path, default=settings.VAR_DIR / "evaluations" / "local")

    def handle(self, **given: Any) -> None:
        if given["faces"] < 1 or given["tuning"] < 2 or not 0 < given["size"] < 1:
            raise CommandError(
                "Give one face or more, two to tune on or more, and a size between 0 and 1."
            )
        try:
            self.evaluate(**given)
        except (Refused, ValueError) as error:
            raise CommandError(getattr(error, "detail", str(error))) from None
        except KeyboardInterrupt:
            raise CommandError(f"Stopped; the same call goes on from {given['out']}.") from None

    def evaluate(self, **given: Any) -> None:
        generator = jobs.find(Generator, given["generator"])
        jobs.ready(generator, "generator")
        face_filter = FaceFilter.parse(given["filter"])
        dataset = face_filter.one_dataset()
        quick = denoiser_of(generator)
        exact = load_denoiser(generator.folder, device())
        n_tuning, n_settled = given["tuning"], given["settled"]
        n_pooled = max(n_tuning, given["pooled"])
        n_others = max(n_pooled, n_settled)
        others, chosen = self.subjects(face_filter, exact.image_size, given["faces"], n_others)
        out: Path = given["out"]
        with tqdm(total=100, bar_format="{desc:<40.40} |{bar:30}| {percentage:3.0f}%") as bar:

            def tell(share: float, step: str = "") -> None:
                bar.n = round(100 * min(max(share, 0.0), 1.0))
                bar.set_description_str(step or None)

            meter = meter_of(dataset, face_filter, exact.image_size, tell, identity=True)
            terms = Terms(size=given["size"], rank=given["rank"], steps=given["steps"])
            work = LocalEvaluation(
                quick, exact, generator.sha256, reader(meter), out, terms, others[:n_tuning],
                others[n_tuning:n_pooled], given["refined"], tell,
                settling=(others[:n_settled], n_settled and given["settling_steps"]),
            )  # fmt: skip
            rows = work.run(chosen).rows
        wanted = {one.name for one in chosen}
        told = summary([row for row in rows if row["face"] in wanted], terms.size)
        (out / "summary.json").write_text(json.dumps(told, indent=1))
        (out / "probes.json").write_text(json.dumps(meter.card(), indent=1))
        write_plot(told, out / "roir.png")
        self.stdout.write(as_text(told))
        self.stdout.write(f"{out}: edits.csv, summary.json, probes.json, roir.png, sheets/")

    def subjects(
        self, face_filter: FaceFilter, size: int, n_faces: int, n_others: int
    ) -> tuple[list[Subject], list[Subject]]:
        """Faces of different people with landmarks, by lot: to learn from, and to measure."""
        faces = face_filter.faces().filter(landmarks__isnull=False)
        rows = sorted(faces.values_list("id", "identity"), key=lambda row: draw(row[0]))
        by_person = {-row if who is None else who: row for row, who in reversed(rows)}
        ids = sorted(by_person.values(), key=draw)
        found: list[Subject] = []
        for face in (Face.objects.get(id=face_id) for face_id in ids):
            if len(found) == n_others + n_faces:
                break
            masks = regions_of(
                proposed(face.landmarks), lambda shapes: rasterise(shapes, size, size)
            )
            if len(masks) == 4:
                photo = to_tensor(crops_of([face.id], size))[0]
                found.append(Subject(face.filename, photo, masks, turn_of(face.landmarks)))
        if len(found) <= n_others:
            raise Refused(
                "too_few_faces",
                f"{len(found)} people have a face with landmarks that shows all regions; "
                f"expected more than the {n_others} that directions are pooled over. Widen the "
                "filter, or give fewer (--pooled, --settled, --tuning).",
            )
        return found[:n_others], found[n_others:]


def reader(meter: Meter) -> Any:
    """What a meter says, as the evaluation reads it."""

    def read(x: torch.Tensor) -> Read:
        seen = meter.read(x)
        return Read(seen.yaw_degrees, meter.side(seen.light), seen.identity)

    return read

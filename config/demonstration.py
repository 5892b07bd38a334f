"""What `make demo` shows: rendered faces, a campaign with simulated votes, a direction, an edit.

Long work on images is asked for as a user would, row, bell and worker, so the pages show it too.
"""

import hashlib
import json
import time
from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from config.steps import Meter, Step
from editing import jobs as editing_jobs
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from labeling import jobs, queue
from labeling.importing.celeba import import_faces
from labeling.models import Campaign, Job, Refresh, Release, Turn, User, Vote

SEED = 1
FIRST_FACES = 120  # twenty seconds for two cores, compiling the renderer included
ALL_FACES = 3000
FIRST_VOTED = 60
ALL_VOTED = 800
N_AUDITS = 300
MAX_ERROR = 0.05
DATASET = "lightstage"
CAMPAIGN = "illumination"
SHIPPED = "lightstage64"
DEGREES = [-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0]


def to_begin_with() -> list[Step]:
    return [
        Step(f"{FIRST_FACES} faces rendered", lambda: rendered(FIRST_FACES), render(FIRST_FACES)),
        Step("faces imported, campaign opened", lambda: asked(FIRST_FACES), bring_in),
        Step("first simulated votes", lambda: voted(FIRST_VOTED), simulate(FIRST_VOTED)),
    ]


def in_the_background() -> list[Step]:
    return [
        Step(f"{ALL_FACES} faces rendered", lambda: rendered(ALL_FACES), render(ALL_FACES)),
        Step("all faces imported", lambda: asked(ALL_FACES), bring_in),
        Step(f"{N_AUDITS} audit faces drawn and voted on", audited, audit),
        Step("simulated votes", lambda: voted(ALL_VOTED), simulate(ALL_VOTED)),
        Step("labels released", lambda: ended(plain_releases()), release),
        Step("labels released with a promise", lambda: ended(certified_releases()), certify),
        Step("generator checked", lambda: ended(generators()), add_generator),
        Step("faces lit from one side embedded", lambda: ended(embeddings()), embed),
        Step("direction fitted", lambda: ended(directions()), fit_direction),
        Step("a head turned", lambda: ended(edits()), turn_a_head),
    ]


def folder() -> Path:
    return settings.VAR_DIR / "lightstage"


def rendered(n_faces: int) -> bool:
    try:
        return json.loads((folder() / "lightstage.json").read_text())["n_faces"] >= n_faces
    except FileNotFoundError:
        return False


def render(n_faces: int) -> Callable[[Meter], None]:
    def do(meter: Meter) -> None:
        from lightstage.celeba import write_dataset  # loads a compiler: only where it is needed

        write_dataset(folder(), n_faces, SEED, progress=lambda ready, wanted: meter(ready / wanted))

    return do


def campaign() -> Campaign | None:
    return Campaign.objects.filter(slug=CAMPAIGN).first()


def asked(n_faces: int) -> bool:
    return (there := campaign()) is not None and there.turns.count() >= n_faces


def bring_in(meter: Meter) -> None:
    report = import_faces(folder(), DATASET, progress=meter)
    there = campaign()
    if there is None:
        queue.create_campaign(
            report.dataset,
            CAMPAIGN,
            title="Where the light comes from",
            mirror_share=0.02,
            known_share=0.02,
        )
    else:
        queue.top_up(there)


def voted(n_faces: int) -> bool:
    simulated = Vote.objects.filter(turn__campaign=campaign(), source=Vote.Source.SIMULATED)
    simulated = simulated.exclude(turn__kind=Turn.Kind.AUDIT)
    return simulated.values("turn").distinct().count() >= n_faces


def simulate(n_faces: int) -> Callable[[Meter], None]:
    def do(meter: Meter) -> None:
        call_command("simulate_votes", CAMPAIGN, faces=n_faces, stdout=StringIO())

    return do


def audited() -> bool:
    votes = Vote.objects.filter(turn__campaign=campaign(), turn__kind=Turn.Kind.AUDIT)
    return votes.values("turn").distinct().count() >= N_AUDITS


def audit(meter: Meter) -> None:
    missing = N_AUDITS - campaign().turns.filter(kind=Turn.Kind.AUDIT).count()
    if missing > 0:
        queue.draw_audits(campaign(), missing)
    call_command("simulate_votes", CAMPAIGN, audits=True, stdout=StringIO())


def rita() -> User:
    return User.objects.get(username="rita")


def plain_releases() -> Any:
    return Release.objects.filter(campaign=campaign(), request__max_error__isnull=True)


def certified_releases() -> Any:
    return Release.objects.filter(campaign=campaign(), request__max_error__isnull=False)


def release(meter: Meter) -> None:
    """Publish what people and the classifier say of every face."""
    publish(plain_releases(), {"include": ["human", "model"]}, meter)


def certify(meter: Meter) -> None:
    """Publish what people say, and what the classifier says with a bound on its errors."""
    body = {"include": ["human", "model"], "max_error": MAX_ERROR, "confidence": 0.95}
    publish(certified_releases(), body, meter)


def publish(rows: Any, body: dict[str, Any], meter: Meter) -> None:
    """Make a release once the classifier has learned from the last votes."""
    waiting = Refresh.objects.filter(campaign=campaign(), status__in=["queued", "running"])
    while (refresh := waiting.first()) is not None:
        wait_for(refresh, meter)
    mia = User.objects.get(username="mia")
    finish(
        rows,
        lambda: jobs.ask_release(campaign(), user=mia, body=body, key=""),
        meter,
    )


@cache
def generator_name() -> str:
    """The shipped generator's name, with its weights' hash: a newer one is another generator."""
    folder = settings.BASE_DIR / "editing" / "generators" / SHIPPED
    weights = (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    return f"{SHIPPED}-{hashlib.sha256(weights).hexdigest()[:6]}"


def generators() -> Any:
    return Generator.objects.filter(name=generator_name())


def add_generator(meter: Meter) -> None:
    body = {"name": generator_name(), "source": SHIPPED}
    finish(generators(), lambda: editing_jobs.add_generator(user=rita(), **body, body=body), meter)


def lit_from_one_side() -> dict[str, Any]:
    """Faces of the newest release with light from the commoner side: what a turn should keep."""
    newest = plain_releases().filter(status="done").order_by("-number").first()
    choices = list(newest.labels.values_list("choice", flat=True))
    side = max(("left", "right"), key=choices.count)
    return {"dataset": DATASET, "release": newest.id, "consensus": side}


def embeddings() -> Any:
    return Embedding.objects.filter(generator__name=generator_name(), dataset__name=DATASET)


def embed(meter: Meter) -> None:
    finish(embeddings(), lambda: ask_for(editing_jobs.embed), meter)


def directions() -> Any:
    return Direction.objects.filter(generator__name=generator_name(), dataset__name=DATASET)


def fit_direction(meter: Meter) -> None:
    finish(directions(), lambda: ask_for(editing_jobs.fit_direction), meter)


def ask_for(work: Callable[..., Job]) -> Job:
    query = lit_from_one_side()
    return work(
        user=rita(),
        generator=generators().get(),
        face_filter=FaceFilter.parse(query),
        body={"generator": generator_name(), "filter": query},
    )


def edits() -> Any:
    return Edit.objects.filter(direction__in=directions())


def turn_a_head(meter: Meter) -> None:
    direction = directions().filter(status="done").order_by("-id").first()
    face = direction.dataset.faces.get(id=direction.result["held_out"][0])
    finish(
        edits(),
        lambda: editing_jobs.turn(
            user=rita(),
            face=face,
            direction=direction,
            degrees=DEGREES,
            # What walks need is taught here, so that the first one on a page need not wait for it.
            path="walk",
            body={
                "face": face.id,
                "direction": direction.id,
                "degrees": DEGREES,
                "path": "walk",
            },
        ),
        meter,
    )


def ended(rows: Any) -> bool:
    return bool(rows.filter(status="done").exists())


def finish(rows: Any, ask: Callable[[], Job], meter: Meter) -> None:
    """Wait for the row that is on its way, or ask for a new one."""
    on_its_way = rows.filter(status__in=["queued", "running"]).order_by("-id").first()
    wait_for(on_its_way or ask(), meter)


def wait_for(job: Job, meter: Meter) -> None:
    while job.status in ("queued", "running"):
        time.sleep(0.5)
        job.refresh_from_db()
        meter(job.progress, job.step)
    if job.status != "done":
        raise ValueError(f"{meter.name}: {job.error or job.status}")

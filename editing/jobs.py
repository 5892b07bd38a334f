"""Ask for long work on generators, latents, directions and edits: check the request, write its row.

Nothing here looks at pixels or weights; what only the worker can see is refused by the worker.
"""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import IntegrityError

from editing import places, tasks
from editing.faces import DEFAULT_BINS
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from labeling import jobs
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Dataset, Face, Job, User

DEFAULT_STEPS = 20
DEFAULT_REFINEMENTS = 1
# The middle of the schedule turned heads best in the trials, see docs/method.md.
DEFAULT_NOISE = 0.509
MOST_DEGREES = 45.0
MOST_FRAMES = 61
LONGEST_FILTER = 1000
# How a worker is rung; the commands, which do the work themselves, ring nobody.
Ring = Callable[[int], object]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def add_generator(
    *,
    user: User | None,
    name: str,
    source: str,
    anywhere: bool = False,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_check,
) -> Generator:
    """Ask for a generator to be loaded and checked.

    source    a folder, or a hub id "org/name"
    anywhere  whether the folder may lie outside `places.generator_folders()`: for the operator's
              own commands, never for a request from the web
    raises    Refused for a name or source that cannot be, Conflict for a name in use
    """
    check_name(name)
    folder = _folder_of(source, anywhere=anywhere)
    named = Generator.objects.filter(name=name)
    if key and named.filter(requested_by=user, idempotency_key=key).exists():
        return jobs.submit(Generator, ring=ring, user=user, body=body, key=key)
    # A name whose check failed is free again; nothing can hang on a row that was never done.
    named.filter(status__in=["failed", "cancelled"]).delete()
    taken = Conflict("name_taken", f"There is a generator {name!r} already; choose another name.")
    if named.exists():
        raise taken
    try:
        return jobs.submit(
            Generator,
            ring=ring,
            user=user,
            body=body,
            key=key,
            name=name,
            source=source,
            folder=str(folder or ""),
        )
    except IntegrityError:
        # Of two people who choose one name at once, the database takes the first.
        raise taken from None


def check_name(name: str) -> None:
    """Refuse a generator's name that would not do as the name of its folder."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise Refused("invalid", f"name is {name!r}; expected up to 60 letters, digits, - and _.")


def _folder_of(source: str, *, anywhere: bool) -> Path | None:
    """The folder that was meant, or None for what can only be a hub id."""
    roots = [root.resolve() for root in places.generator_folders()]
    for root in [*roots, *([Path.cwd()] if anywhere else [])]:
        # An absolute source replaces the root here, so the check below is what contains it.
        folder = (root / source).resolve()
        contained = any(parent in roots for parent in folder.parents)
        if (contained or anywhere) and _is_folder(folder):
            return folder
    if HUB_ID.fullmatch(source):
        # Whether it may be downloaded, and whether that is needed, the worker finds out.
        return None
    where = " or ".join(str(root) for root in roots)
    raise Refused("invalid_source", f"source is {source!r}; expected a folder inside {where}.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # a name too long for the file system names nothing


def embed(
    *,
    user: User | None,
    generator: Generator,
    face_filter: FaceFilter,
    method: str = "inversion",
    timestep: int | None = None,
    steps: int = DEFAULT_STEPS,
    refinements: int = DEFAULT_REFINEMENTS,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_embed,
) -> Embedding:
    """Ask for the latents of a filter's faces.

    timestep     noise level of the latents, default the middle of the schedule
    steps        DDIM steps that the whole schedule would take, 2 or more
    refinements  fixed-point iterations per step, 0..3
    """
    ready(generator, "generator")
    if method != "inversion":
        raise Refused(
            "no_encoder", f"Generator {generator.name!r} has no encoder; use 'inversion'."
        )
    # Beyond the last usable timestep no face is left, and inversion explodes.
    last = generator.card["last_timestep"]
    if timestep is None:
        timestep = min(round(generator.card["train_timesteps"] * DEFAULT_NOISE), last)
    for name, value, low, high in (
        ("timestep", timestep, 1, last),
        ("steps", steps, 2, last),
        ("refinements", refinements, 0, 3),
    ):
        if not low <= value <= high:
            raise Refused("invalid", f"{name} is {value}; expected a whole number {low}..{high}.")
    dataset = face_filter.one_dataset()
    n_faces = _some(face_filter, dataset)
    return jobs.submit(
        Embedding,
        ring=ring,
        user=user,
        body=body,
        key=key,
        generator=generator,
        dataset=dataset,
        method=method,
        filter=face_filter.to_query(),
        timestep=timestep,
        steps=steps,
        refinements=refinements,
        n_faces=n_faces,
        space=places.space_key(
            generator.sha256,
            method=method,
            timestep=timestep,
            steps=steps,
            refinements=refinements,
        ),
    )


def _some(face_filter: FaceFilter, dataset: Dataset) -> int:
    if len(face_filter.to_query()) > LONGEST_FILTER:
        raise Refused(
            "invalid_filter",
            f"The filter has {len(face_filter.to_query())} characters; expected at most "
            f"{LONGEST_FILTER}.",
        )
    if not (n_faces := face_filter.faces().count()):
        raise Refused(
            "no_faces",
            f"No face of {dataset.name!r} passes the filter {face_filter.to_query()!r}.",
        )
    return n_faces


def fit_direction(
    *,
    user: User | None,
    generator: Generator,
    face_filter: FaceFilter,
    bins: Sequence[float] = DEFAULT_BINS,
    embedding: Embedding | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_fit,
) -> Direction:
    """Ask for the lines to the left and to the right through a filter's yaw clusters.

    bins       edges in degrees, growing; at least two bins on each side of 0
    embedding  whose space to work in, default the newest finished one of this generator and dataset
    """
    ready(generator, "generator")
    check_bins(bins)
    dataset = face_filter.one_dataset()
    _some(face_filter, dataset)
    if embedding is None:
        finished = Embedding.objects.filter(generator=generator, dataset=dataset, status="done")
        if not (embedding := finished.order_by("-id").first()):
            raise Conflict(
                "not_embedded",
                f"No embedding of {dataset.name!r} with generator {generator.name!r} is finished; "
                "embed the faces first.",
            )
    elif (embedding.generator_id, embedding.dataset_id) != (generator.id, dataset.id):
        raise Conflict(
            "another_space",
            f"Embedding {embedding.id} is of generator {embedding.generator.name!r} and dataset "
            f"{embedding.dataset.name!r}, not of {generator.name!r} and {dataset.name!r}.",
        )
    return jobs.submit(
        Direction,
        ring=ring,
        user=user,
        body=body,
        key=key,
        generator=generator,
        dataset=dataset,
        release_id=face_filter.release,
        filter=face_filter.to_query(),
        bins=list(bins),
        space=embedding.space,
    )


def check_bins(bins: Sequence[float]) -> None:
    """Refuse edges that do not grow, or leave one side with fewer than two bins."""
    told = ",".join(f"{edge:g}" for edge in bins)
    if not all(math.isfinite(edge) and abs(edge) <= 90 for edge in bins):
        raise Refused("invalid_bins", f"bins are {told}; expected degrees within -90..90.")
    if any(low >= high for low, high in pairwise(bins)) or len(bins) > 41:
        raise Refused("invalid_bins", f"bins are {told}; expected at most 41 growing edges.")
    middles = [(low + high) / 2 for low, high in pairwise(bins)]
    if min(sum(m < 0 for m in middles), sum(m > 0 for m in middles)) < 2:
        raise Refused("invalid_bins", f"bins are {told}; expected two or more on each side of 0.")


def turn(
    *,
    user: User | None,
    face: Face,
    direction: Direction,
    degrees: Sequence[float],
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_render,
) -> Edit:
    """Ask for one face turned to each of these degrees; the frames come in growing order."""
    ready(direction, "direction")
    wanted = sorted(float(degree) for degree in degrees)
    if not 1 <= len(wanted) <= MOST_FRAMES:
        raise Refused("invalid_degrees", f"{len(wanted)} frames; expected 1 to {MOST_FRAMES}.")
    for degree in wanted:
        if not abs(degree) <= MOST_DEGREES:
            raise Refused(
                "invalid_degrees",
                f"degrees has {degree:g}; heads turn from -{MOST_DEGREES:g} to {MOST_DEGREES:g}.",
            )
    if len(set(wanted)) < len(wanted):
        raise Refused("invalid_degrees", f"degrees {wanted} names a frame twice.")
    return jobs.submit(
        Edit,
        ring=ring,
        user=user,
        body=body,
        key=key,
        kind=Edit.Kind.ROTATION,
        face=face,
        direction=direction,
        degrees=wanted,
    )


def ready(job: Job, kind: str) -> None:
    """Refuse to build on a row that is not done."""
    if job.status != "done":
        told = f"{kind.capitalize()} {getattr(job, 'name', job.id)} is {job.status}"
        raise Conflict(
            f"{kind}_not_ready", f"{told}{f' ({job.error})' if job.error else ''}; expected done."
        )


def find(model: type, given: int | str) -> Any:
    """The row of an id, or of a name where the model has names; NotFound otherwise."""
    kind = model.__name__.lower()
    rows = model.objects.all()
    if isinstance(given, str) and model is Generator:
        row = rows.filter(name=given).first()
    else:
        row = rows.filter(id=given).first() if 0 <= int(given) < 2**63 else None
    if row is None:
        raise NotFound(f"There is no {kind} {given!r}.")
    return row

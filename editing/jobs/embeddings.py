"""Ask for the latents of faces."""

from editing import places, tasks
from editing.filters import FaceFilter
from editing.jobs.checks import Ring, ready, some_faces
from editing.models import Embedding, Generator
from labeling import jobs
from labeling.errors import Refused
from labeling.models import User

DEFAULT_STEPS = 20
DEFAULT_REFINEMENTS = 1
# The middle of the schedule turned heads best in the trials, see docs/method.md.
DEFAULT_NOISE = 0.509


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
    n_faces = some_faces(face_filter, dataset)
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

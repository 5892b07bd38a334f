"""Ask for the latents of faces."""

from editing import encoders, places, tasks
from editing.filters import FaceFilter
from editing.jobs.checks import Ring, ready, some_faces
from editing.models import Embedding, Generator
from labeling import jobs
from labeling.errors import Refused
from labeling.models import User

DEFAULT_STEPS = 20
DEFAULT_REFINEMENTS = 1
MOST_REFINEMENTS = 3
MOST_GRADIENT_STEPS = 200
# The middle of the schedule turned heads best in the trials, see docs/method.md.
DEFAULT_NOISE = 0.509


def embed(
    *,
    user: User | None,
    generator: Generator,
    face_filter: FaceFilter,
    method: str = "inversion",
    kind: str = "x_t",
    timestep: int | None = None,
    steps: int | None = None,
    refinements: int | None = None,
    gradient_steps: int = 0,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_embed,
) -> Embedding:
    """Ask for the latents of a filter's faces.

    method          "inversion", or "encoder" where the generator has one of these settings
    kind            "x_t", the noisy face; "h", the network's bottleneck there
    timestep        noise level of the latents, default the middle of the schedule
    steps           DDIM steps that the whole schedule would take, 2 or more; default 20, or what
                    the encoder was trained for
    refinements     fixed-point iterations per step, 0..3; default 1, or the encoder's
    gradient_steps  descents on each picture's own error afterwards, 0..200
    """
    ready(generator, "generator")
    for name, given, known in (
        ("method", method, Embedding.Method.values),
        ("kind", kind, Embedding.Kind.values),
    ):
        if given not in known:
            raise Refused("invalid", f"{name} is {given!r}; expected {' or '.join(known)}.")
    encoder_sha256 = ""
    if method == Embedding.Method.ENCODER:
        encoder = encoders.choose(
            generator, timestep=timestep, steps=steps, refinements=refinements
        )
        timestep, steps, refinements = encoder.timestep, encoder.steps, encoder.refinements
        encoder_sha256 = encoder.sha256
    if timestep is None:
        timestep = default_timestep(generator)
    steps = DEFAULT_STEPS if steps is None else steps
    refinements = DEFAULT_REFINEMENTS if refinements is None else refinements
    check_settings(generator, timestep=timestep, steps=steps, refinements=refinements)
    if not 0 <= gradient_steps <= MOST_GRADIENT_STEPS:
        raise Refused(
            "invalid",
            f"gradient_steps is {gradient_steps}; expected a whole number "
            f"0..{MOST_GRADIENT_STEPS}.",
        )
    if kind == "h" and (reason := generator.card.get("bottleneck")):
        raise Refused("no_bottleneck", f"Generator {generator.name!r} has no space h: {reason}")
    dataset = face_filter.one_dataset()
    n_faces = some_faces(face_filter, dataset)
    recipe = {
        "method": method,
        "kind": kind,
        "timestep": timestep,
        "steps": steps,
        "refinements": refinements,
        "gradient_steps": gradient_steps,
    }
    space = places.space_key(generator.sha256, encoder_sha256=encoder_sha256, **recipe)
    return jobs.submit(
        Embedding,
        ring=ring,
        user=user,
        body=body,
        key=key,
        generator=generator,
        dataset=dataset,
        filter=face_filter.to_query(),
        n_faces=n_faces,
        space=space,
        **recipe,
    )


def default_timestep(generator: Generator) -> int:
    """The middle of the schedule, or the last timestep where a face is left."""
    middle = round(generator.card["train_timesteps"] * DEFAULT_NOISE)
    return min(middle, generator.card["last_timestep"])


def check_settings(generator: Generator, *, timestep: int, steps: int, refinements: int) -> None:
    """Refuse settings of an inversion that this generator's schedule does not take."""
    # Beyond the last usable timestep no face is left, and inversion explodes.
    last = generator.card["last_timestep"]
    for name, value, low, high in (
        ("timestep", timestep, 1, last),
        ("steps", steps, 2, last),
        ("refinements", refinements, 0, MOST_REFINEMENTS),
    ):
        if not low <= value <= high:
            raise Refused("invalid", f"{name} is {value}; expected a whole number {low}..{high}.")

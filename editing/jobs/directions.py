"""Ask for a direction to be fitted."""

import math
from collections.abc import Sequence
from itertools import pairwise

from editing import tasks
from editing.faces import DEFAULT_BINS
from editing.filters import FaceFilter
from editing.jobs.checks import Ring, ready, some_faces
from editing.models import Direction, Embedding, Generator
from editing.recipes import FitRecipe
from labeling import jobs
from labeling.errors import Conflict, Refused
from labeling.models import Dataset, User


def fit_direction(
    *,
    user: User | None,
    generator: Generator,
    face_filter: FaceFilter,
    bins: Sequence[float] = DEFAULT_BINS,
    embedding: Embedding | None = None,
    recipe: FitRecipe | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_fit,
) -> Direction:
    """Ask for the lines to the left and to the right through a filter's yaw clusters.

    bins       edges in degrees, growing; at least two bins on each side of 0
    recipe     how the lines are fitted, default FitRecipe()
    embedding  whose space to work in, default the newest finished one of this generator and dataset
    """
    ready(generator, "generator")
    check_bins(bins)
    dataset = face_filter.one_dataset()
    some_faces(face_filter, dataset)
    recipe = recipe or FitRecipe()
    check_recipe(recipe, face_filter, dataset)
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
        recipe=recipe.to_json(),
        space=embedding.space,
    )


def check_recipe(recipe: FitRecipe, face_filter: FaceFilter, dataset: Dataset) -> None:
    """Refuse to subtract what nothing is known of."""
    for name in recipe.subtract:
        if name == "light":
            if face_filter.labels_campaign() is None:
                raise Refused(
                    "invalid_recipe",
                    "subtract names light, but the filter names no campaign and there is not just "
                    "one: name a campaign or a release.",
                )
        elif name not in dataset.attribute_names:
            known = ", ".join(["light", *dataset.attribute_names])
            raise Refused("invalid_recipe", f"subtract names {name!r}; expected some of {known}.")


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

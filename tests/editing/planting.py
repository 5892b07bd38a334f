"""Latents that follow a planted rule instead of any network's, and fits on them."""

from collections.abc import Callable

import numpy as np
import pytest

from editing import jobs
from editing.filters import FaceFilter
from editing.models import Direction, Embedding, Generator
from editing.recipes import FitRecipe
from editing.runs import fitting, local_fits
from editing.runs.fitting import fit_lines
from editing.runs.loading import recipe_of, store_of
from labeling.management.running import nobody
from labeling.models import Consensus, Dataset, Job
from labeling.queue import create_campaign

Done = Callable[[Job], Job]
D = 3 * 16 * 16
DRAW = np.random.default_rng(0)
# A head turns along one line in left light, along another in right light.
SLOPES = {"left": DRAW.normal(size=D), "center": np.zeros(D), "right": DRAW.normal(size=D)}
PROBABILITIES = {"left": [0.9, 0.1, 0.0], "center": [0.1, 0.8, 0.1], "right": [0.0, 0.1, 0.9]}


@pytest.fixture(autouse=True)
def few_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MEASURED_FACES", 1)
    local_fits._local.cache_clear()
    local_fits._rows.cache_clear()


@pytest.fixture
def lit(many: Dataset) -> Dataset:
    """120 faces whose light a campaign knows, half of them lit from each side."""
    campaign = create_campaign(many, "light", title="Light")
    for number, face in enumerate(many.faces.order_by("id")):
        choice = ("left", "right")[number % 2]
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            probability=max(PROBABILITIES[choice]),
            probabilities=PROBABILITIES[choice],
            source="human",
        )
    return many


@pytest.fixture
def planted(lit: Dataset, generator: Generator, ask_embedding: Callable) -> Embedding:
    """An embedding that is done, its latents written by hand: yaw along the light's own line."""
    row = ask_embedding()
    Embedding.objects.filter(id=row.id).update(status="done", n_embedded=120)
    draw = np.random.default_rng(1)
    faces = list(lit.faces.order_by("id"))
    choices = dict(Consensus.objects.values_list("face_id", "choice"))
    latents = [0.02 * face.yaw_degrees * SLOPES[choices[face.id]] for face in faces]
    noise = draw.normal(scale=0.05, size=(120, D))
    store = store_of(generator, row.space)
    for at in range(0, 120, 40):
        part = slice(at, at + 40)
        store.write([face.id for face in faces[part]], (latents + noise)[part])
    return row


@pytest.fixture
def ask(planted: Embedding, generator: Generator) -> Callable[..., Direction]:
    def ask(query: str = "", bins: list[float] | None = None, **recipe: object) -> Direction:
        return jobs.fit_direction(
            user=None,
            generator=generator,
            face_filter=FaceFilter.parse(query),
            recipe=FitRecipe.parse(recipe),
            body={},
            ring=nobody,
            **({"bins": bins} if bins else {}),
        )

    return ask


def fitted(job: Direction) -> fitting.Fitted:
    return fit_lines(
        job,
        FaceFilter.parse(job.filter),
        FitRecipe.parse(job.recipe),
        recipe_of(job.generator, job.space),
        lambda share, step: None,
    )


def choices_of(found: fitting.Fitted) -> set[tuple[str, bool]]:
    used = found.chosen.used
    return set(zip(used.choice.tolist(), used.is_mirrored.tolist(), strict=True))


WIDE = [-45.0, -20, -5, 5, 20, 45]

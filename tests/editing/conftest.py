# ruff: noqa: E402 the models can be imported only after setup
"""What the tests of editing share: a tiny generator of random weights, and rows that use it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
import torch
from django.conf import settings

# When only this folder is asked for, pytest reads this file before tests/conftest.py sets up.
django.setup()

from editing import jobs, runs
from editing.engine.denoiser import new_unet, save_generator
from editing.engine.lessons import Budget
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from editing.runs import pooling, probing
from labeling import worker
from labeling.management.running import nobody
from labeling.models import Dataset, Face, Job

SIZE = 16


@pytest.fixture(scope="session")
def kept_probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs a probe leaves it for the next ones."""
    return tmp_path_factory.mktemp("probes")


@pytest.fixture(autouse=True)
def probes_that_need_not_be_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained network's faces show no yaw; what is tested is who learns from whom, and what
    is said of it."""
    for name in ("PROBE_BUDGET", "IDENTITY_BUDGET"):
        monkeypatch.setattr(probing, name, Budget(lessons=8, epochs=60))


@pytest.fixture(autouse=True)
def directions_settle_in_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is what becomes of them; how local they get is the engine's own test."""
    monkeypatch.setattr(pooling, "SETTLING_STEPS", 6)


@pytest.fixture(scope="session")
def generator_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 16x16 pictures, untrained: inverting and generating is as exact as with any."""
    folder = tmp_path_factory.mktemp("generators") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_generator(folder, new_unet(SIZE, (8, 32)), {"dataset": "none"})
    return folder


@pytest.fixture
def done() -> Callable[[Job], Job]:
    """done(job) does the job's work here and now; the row says how it ended."""

    def do(job: Job) -> Job:
        work = {
            Generator: runs.check_generator,
            Embedding: runs.embed,
            Direction: runs.fit_direction,
            Edit: runs.render_edit,
        }[type(job)]
        worker.run(type(job), job.id, work)
        job.refresh_from_db()
        return job

    return do


@pytest.fixture
def generator(db: None, generator_folder: Path, done: Callable[[Job], Job]) -> Generator:
    row = jobs.add_generator(
        user=None, name="tiny", source=str(generator_folder), anywhere=True, body={}, ring=nobody
    )
    return done(row)


@pytest.fixture
def many(dataset_of: Callable[..., Dataset], kept_probe: Path) -> Iterator[Dataset]:
    """120 faces of 40 people, the same in each test, enough for every bin and people set apart."""
    dataset = dataset_of(120, name="many")
    folder, name = settings.VAR_DIR / "probes", f"dataset{dataset.id}-"
    folder.mkdir(exist_ok=True)
    for path in kept_probe.iterdir():
        shutil.copy(path, folder / f"{name}{path.name}")
    yield dataset
    for path in folder.glob(f"{name}*"):
        shutil.copy(path, kept_probe / path.name.removeprefix(name))


@pytest.fixture
def ask_embedding(generator: Generator) -> Callable[..., Embedding]:
    """A row that waits for its work; ask_embedding("yaw_min=0") for part of the faces."""

    def ask(query: str = "", **settings: int) -> Embedding:
        return jobs.embed(
            user=None,
            generator=generator,
            face_filter=FaceFilter.parse(query),
            steps=settings.pop("steps", 6),
            **settings,
            body={},
            ring=nobody,
        )

    return ask


@pytest.fixture
def direction(
    many: Dataset,
    generator: Generator,
    ask_embedding: Callable[..., Embedding],
    done: Callable[[Job], Job],
) -> Direction:
    """A fitted direction in the tiny generator's space."""
    assert done(ask_embedding()).status == "done"
    row = jobs.fit_direction(
        user=None, generator=generator, face_filter=FaceFilter(), body={}, ring=nobody
    )
    return done(row)


@pytest.fixture
def edit(direction: Direction, many: Dataset, done: Callable[[Job], Job]) -> Edit:
    """One face turned to both sides."""
    face = Face.objects.get(dataset=many, filename="000026.jpg")
    row = jobs.turn(
        user=None, face=face, direction=direction, degrees=[20, 0, -20], body={}, ring=nobody
    )
    return done(row)


@pytest.fixture
def rita(people: Any, api: Callable) -> Any:
    return api(people.rita)

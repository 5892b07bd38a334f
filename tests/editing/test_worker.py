"""The whole way through a real worker: asked over REST, done by Celery."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from PIL import Image

from editing import jobs, places, tasks
from editing.filters import FaceFilter
from editing.models import Decomposition, Direction, Edit, Embedding, Generator
from editing.store import write_whole
from labeling.management.running import nobody
from labeling.models import Dataset, Face, Job
from tests.editing.searches import EYES, MOUTH
from tests.workers import Worker


@pytest.mark.slow
def test_a_head_is_turned_by_the_worker(
    worker: Worker, people: Any, api: Callable, many: Dataset, generator_folder: Path
) -> None:
    shutil.copytree(generator_folder, places.generator_folder("shipped"), dirs_exist_ok=True)
    rita = api(people.rita)

    def ask(model: Any, url: str, **body: Any) -> Any:
        job = rita.post(url, body, format="json").json()
        row = worker.finish(model.objects.get(id=job["id"]))
        assert (row.status, row.error) == ("done", None)
        return row

    ask(Generator, "/api/generators", name="shipped", source="shipped")
    embedding = ask(Embedding, "/api/embeddings", generator="shipped", steps=4)
    assert embedding.n_embedded == 120
    direction = ask(Direction, "/api/directions", generator="shipped")
    face = direction.result["held_out"][0]
    edit = ask(Edit, "/api/edits", face=face, direction=direction.id, degrees=[-10, 0, 10])
    shown = rita.get(f"/api/edits/{edit.id}").json()["result"]
    assert rita.get(shown["strip_url"]).status_code == 200


@contextmanager
def half_way(job: Job, step: str = "") -> Iterator[None]:
    """While a worker is at a job's step: its next word to the row waits until the block ends."""
    deadline = time.monotonic() + 120
    while True:
        with transaction.atomic():
            row = type(job).objects.select_for_update().get(id=job.id)
            assert row.status in ("queued", "running"), (row.status, row.error)
            if row.status == "running" and row.step.startswith(step):
                yield
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def taken_over(job: Job, log: Path) -> None:
    """Have another worker finish a job whose own was killed."""
    another = Worker(settings.VAR_DIR, log)
    try:
        deadline = time.monotonic() + 60
        # The dead one's last word may still be on its way to the row.
        while type(job).objects.get(id=job.id).attempt < 2:
            lost = type(job).objects.filter(id=job.id, attempt=1)
            lost.update(heartbeat_at="2020-01-01T00:00Z")
            tasks.sweep()
            assert time.monotonic() < deadline, another.said()[-4000:]
            time.sleep(0.2)
        another.finish(job)
    finally:
        another.stop()


@pytest.mark.slow
def test_a_search_stops_when_its_asker_says_so_and_one_whose_worker_was_killed_goes_on(
    worker: Worker,
    people: Any,
    api: Callable,
    generator: Generator,
    faces: list[Face],
    tmp_path: Path,
) -> None:
    rita = api(people.rita)

    def ask(timestep: int) -> Decomposition:
        body = {
            "generator": generator.name, "face": faces[0].id, "regions": [EYES, MOUTH],
            "rank": 3, "timestep": timestep, "steps": 2, "refinements": 0,
        }  # fmt: skip
        answer = rita.post("/api/components", body, format="json")
        assert answer.status_code == 202, answer.content
        return Decomposition.objects.get(id=answer.json()["id"])

    # Timesteps of no other test: what those searched would be found again.
    unwanted = ask(611)
    with half_way(unwanted):
        assert rita.post(f"/api/components/{unwanted.id}/cancel").status_code == 200
    assert worker.finish(unwanted).status == "cancelled"

    wanted = ask(612)
    with half_way(wanted):
        worker.kill()
    taken_over(wanted, tmp_path / "another.log")
    assert (wanted.status, wanted.error, wanted.attempt) == ("done", None, 2)
    eyes = set(wanted.components.filter(region="eyes").values_list("method", flat=True))
    assert eyes == {"svd", "jive", "null_space", "locality"}
    shown = [one["preview"] for one in wanted.result["components"] if "preview" in one]
    folder = places.decomposition_folder(wanted.id) / wanted.result["folder"]
    assert shown
    assert all((folder / name).is_file() for name in shown)


@pytest.mark.slow
def test_a_walk_that_is_broken_off_leaves_nothing_to_see_and_the_next_try_goes_on(
    worker: Worker,
    people: Any,
    api: Callable,
    client: Client,
    many: Dataset,
    generator: Generator,
    ask_embedding: Callable[..., Embedding],
    done: Callable[[Job], Job],
    tmp_path: Path,
) -> None:
    # Steps enough that a walk takes seconds: a cancel is looked for twice a second.
    assert done(ask_embedding(steps=24)).status == "done"
    direction = jobs.fit_direction(
        user=None, generator=generator, face_filter=FaceFilter(), body={}, ring=nobody
    )
    assert done(direction).status == "done"
    # A turn here and now leaves the probes, which the worker would be taught at greater length.
    face = Face.objects.get(id=direction.result["held_out"][0])
    short = jobs.turn(
        user=None, face=face, direction=direction, degrees=[5], path="walk", body={}, ring=nobody
    )
    assert done(short).status == "done"
    rita = api(people.rita)
    client.force_login(people.rita)
    degrees = [1.5 * step for step in range(-30, 31)]

    def ask() -> Edit:
        body = {"face": face.id, "direction": direction.id, "degrees": degrees, "path": "walk"}
        answer = rita.post("/api/edits", body, format="json")
        assert answer.status_code == 202, answer.content
        return Edit.objects.get(id=answer.json()["id"])

    def is_unseen(edit: Edit) -> bool:
        assert rita.get(f"/api/edits/{edit.id}").json()["result"] == {}
        sent = [rita.get(f"/api/edits/{edit.id}/files/{name}") for name in ("strip.png", "x.png")]
        return [one.status_code for one in sent] == [404, 404]

    unwanted = ask()
    with half_way(unwanted, "Turning"):
        assert rita.post(f"/api/edits/{unwanted.id}/cancel").status_code == 200
    assert worker.finish(unwanted).status == "cancelled"
    assert is_unseen(unwanted)
    assert not places.edit_folder(unwanted.id).exists()
    page = client.get(f"/edits/{unwanted.id}").content.decode()
    assert "Cancelled" in page
    assert "Turn a head along this direction" in page

    wanted = ask()
    with half_way(wanted, "Turning"):
        worker.kill()
    wanted.refresh_from_db()
    assert (wanted.status, wanted.step) == ("running", "Turning the head")
    assert is_unseen(wanted)
    # As a worker leaves it that is killed while it writes.
    torn = places.edit_folder(wanted.id) / "1" / "strip.png"
    write_whole(torn, b"\x89PNG, and no more")
    assert is_unseen(wanted)
    taken_over(wanted, tmp_path / "another.log")
    assert (wanted.status, wanted.error, wanted.attempt) == ("done", None, 2)
    assert wanted.result["folder"] == "2"
    assert [frame["degrees"] for frame in wanted.result["frames"]] == degrees
    told = rita.get(f"/api/edits/{wanted.id}").json()["result"]
    for url in (told["strip_url"], told["animation_url"], told["video_url"]):
        assert rita.get(url).status_code == 200
    with Image.open(places.edit_folder(wanted.id) / "2" / wanted.result["strip"]) as strip:
        assert json.loads(strip.text["penumbra"])["path"] == "walk"

"""The whole way through a real worker: asked over REST, done by Celery."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from editing import places, tasks
from editing.models import Decomposition, Direction, Edit, Embedding, Generator
from labeling.models import Dataset, Face
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
def half_way(job_id: int) -> Iterator[None]:
    """While a worker is at the search: its next word to the row waits until the block ends."""
    deadline = time.monotonic() + 120
    while True:
        with transaction.atomic():
            row = Decomposition.objects.select_for_update().get(id=job_id)
            assert row.status in ("queued", "running"), (row.status, row.error)
            if row.status == "running":
                yield
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    with half_way(unwanted.id):
        assert rita.post(f"/api/components/{unwanted.id}/cancel").status_code == 200
    assert worker.finish(unwanted).status == "cancelled"

    wanted = ask(612)
    with half_way(wanted.id):
        worker.kill()
    another = Worker(settings.VAR_DIR, tmp_path / "another.log")
    try:
        deadline = time.monotonic() + 60
        # The dead one's last word may still be on its way to the row.
        while Decomposition.objects.get(id=wanted.id).attempt < 2:
            lost = Decomposition.objects.filter(id=wanted.id, attempt=1)
            lost.update(heartbeat_at="2020-01-01T00:00Z")
            tasks.sweep()
            assert time.monotonic() < deadline, another.said()[-4000:]
            time.sleep(0.2)
        another.finish(wanted)
    finally:
        another.stop()
    assert (wanted.status, wanted.error, wanted.attempt) == ("done", None, 2)
    eyes = set(wanted.components.filter(region="eyes").values_list("method", flat=True))
    assert eyes == {"svd", "jive", "null_space", "locality"}
    shown = [one["preview"] for one in wanted.result["components"] if "preview" in one]
    folder = places.decomposition_folder(wanted.id) / wanted.result["folder"]
    assert shown
    assert all((folder / name).is_file() for name in shown)

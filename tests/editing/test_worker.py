"""The whole way through a real worker: asked over REST, done by Celery."""

from collections.abc import Callable
from typing import Any

import pytest

from editing import places
from labeling.models import Dataset


@pytest.mark.slow
def test_a_head_is_turned_by_the_worker(
    worker: Any, people: Any, api: Callable, many: Dataset, generator_folder: Any
) -> None:
    import shutil

    from editing.models import Direction, Edit, Embedding, Generator

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

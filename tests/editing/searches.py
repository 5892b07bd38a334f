"""A search for directions whose rows are written by hand, and who asks for it."""

from collections.abc import Callable
from typing import Any

import pytest

from editing import places
from editing.models import Component, Decomposition, Generator

EYES = {"name": "eyes", "shapes": [{"kind": "rectangle", "box": [0.2, 0.4, 0.8, 0.6]}]}
MOUTH = {"name": "mouth", "shapes": [{"kind": "rectangle", "box": [0.3, 0.7, 0.7, 0.9]}]}


@pytest.fixture
def ask(rita, generator: Generator, faces) -> Callable[..., Any]:
    """ask(rank=3) asks for the directions of eyes and mouth of the first face."""

    def post(*, key: str = "", **change: Any) -> Any:
        body = {"generator": "tiny", "face": faces[0].id, "regions": [EYES, MOUTH], **change}
        headers = {"Idempotency-Key": key} if key else {}
        return rita.post("/api/components", body, format="json", headers=headers)

    return post


@pytest.fixture
def found(ask) -> list[Component]:
    """A finished search and its rows, as a worker leaves them."""
    job = Decomposition.objects.get(id=ask().data["id"])
    rows = [
        job.components.create(
            method="jive", region=region, index=index, singular_value=3 - index, locality=2
        )
        for region in ("eyes", "mouth")
        for index in range(2)
    ]
    rows.append(job.components.create(method="joint", index=0, singular_value=5, locality=0))
    folder = places.decomposition_folder(job.id) / "1"
    folder.mkdir(parents=True)
    (folder / "eyes0.png").write_bytes(b"a picture")
    (folder / "secret.png").write_bytes(b"not named on the row")
    told = [{"id": rows[0].id, "preview": "eyes0.png"}, {"id": rows[1].id, "preview": "gone.png"}]
    job.result = {"folder": "1", "components": told}
    job.status = "done"
    job.save()
    return rows


def box(*edges: float) -> list[dict]:
    return [{"name": "eyes", "shapes": [{"kind": "rectangle", "box": list(edges)}]}]

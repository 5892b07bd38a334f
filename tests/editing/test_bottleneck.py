"""Turning heads in the network's bottleneck, from the embedding to the frames."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from editing import jobs, places
from editing.engine.images import load_faces
from editing.filters import FaceFilter
from editing.models import Embedding, Generator
from editing.recipes import FitRecipe
from editing.runs import fitting
from labeling.images import image_path
from labeling.management.running import nobody
from labeling.models import Dataset, Job


def test_a_direction_through_bottlenecks_turns_a_face_and_leaves_the_photo(
    many: Dataset,
    generator: Generator,
    ask_embedding: Callable[..., Embedding],
    done: Callable[[Job], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "MEASURED_FACES", 1)
    embedding = done(ask_embedding(kind="h", steps=4))
    assert (embedding.status, embedding.error, embedding.n_embedded) == ("done", None, 120)
    assert "-h-" in embedding.space

    def asked(**recipe: object) -> Job:
        return jobs.fit_direction(
            user=None,
            generator=generator,
            face_filter=FaceFilter(),
            embedding=embedding,
            recipe=FitRecipe.parse(recipe),
            body={},
            ring=nobody,
        )

    direction = done(asked(motion="straight"))
    assert (direction.status, direction.error) == ("done", None)
    numbers = load_file(places.direction_file(direction.id))
    for side in ("left", "right"):
        assert numbers[f"{side}.slope"].size == np.prod(generator.card["bottleneck_shape"])
    face = many.faces.get(id=direction.result["held_out"][0])
    edit = done(
        jobs.turn(
            user=None, face=face, direction=direction, degrees=[-20, 0, 20], body={}, ring=nobody
        )
    )
    assert (edit.status, edit.error) == ("done", None)
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    left, middle, right = (
        np.asarray(Image.open(folder / frame["file"]).convert("RGB"), np.int64)
        for frame in edit.result["frames"]
    )
    photo = load_faces([image_path(face)], generator.image_size)[0]
    assert np.abs(middle - photo).max() <= 1
    for turned in (left, right):
        assert np.abs(turned - photo).max() > 1
    assert np.abs(left - right).max() > 1

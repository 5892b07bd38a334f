"""The worker's side, on a small dataset and an untrained network: whole, resumable, refusing."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from editing import jobs, places
from editing.engine.images import load_faces
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from editing.runs.embedding import embed
from editing.runs.loading import store_of
from labeling import worker
from labeling.images import image_path
from labeling.management.running import nobody
from labeling.models import Dataset, Face, Job
from labeling.worker import Progress, Stopped

Done = Callable[[Job], Job]
Ask = Callable[..., Embedding]


def test_a_generator_is_described_once_it_loads(generator: Generator) -> None:
    assert (generator.status, generator.error, generator.image_size) == ("done", None, 16)
    assert generator.card["train_timesteps"] == 1000
    assert generator.card["training"] == {"dataset": "none"}
    assert len(generator.sha256) == 64


def test_a_generator_of_damaged_weights_is_refused_by_file(
    db: None, generator_folder: Path, tmp_path: Path, done: Done
) -> None:
    folder = tmp_path / "broken"
    for path in generator_folder.rglob("*.json"):
        copy = folder / path.relative_to(generator_folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    weights = Path("unet/diffusion_pytorch_model.safetensors")
    (folder / weights).write_bytes((generator_folder / weights).read_bytes()[:5000])
    row = done(
        jobs.add_generator(
            user=None, name="broken", source=str(folder), anywhere=True, body={}, ring=nobody
        )
    )
    assert row.status == "failed"
    assert "diffusion_pytorch_model.safetensors cannot be read as weights" in row.error


def test_a_hub_id_is_looked_for_on_this_machine_only(db: None, done: Done, settings) -> None:
    assert not settings.ALLOW_HUB
    row = done(
        jobs.add_generator(user=None, name="far", source="nobody/nothing", body={}, ring=nobody)
    )
    assert row.status == "failed"
    assert "'nobody/nothing' is no folder here and not in the hub's cache" in row.error


def test_a_generator_whose_files_changed_is_refused(
    db: None, generator_folder: Path, many: Dataset, tmp_path: Path, done: Done, ask_embedding: Ask
) -> None:
    waiting = ask_embedding("identity=1")
    Generator.objects.filter(id=waiting.generator_id).update(sha256="00" * 32)
    row = done(waiting)
    assert row.status == "failed"
    assert "was checked with 000000000000; add it again" in row.error


def test_embedding_keeps_every_face_once(many: Dataset, ask_embedding: Ask, done: Done) -> None:
    first = done(ask_embedding("yaw_min=0"))
    assert (first.status, first.n_embedded) == ("done", first.n_faces)
    assert first.figures["n_found_already"] == 0
    assert first.figures["round_trip_mse"] < 0.03
    whole = done(ask_embedding())
    assert (whole.n_faces, whole.n_embedded) == (120, 120)
    assert whole.figures["n_found_already"] == first.n_faces
    again = done(ask_embedding())
    assert again.figures["n_found_already"] == 120
    assert again.figures["faces_per_second"] is None


def test_embedding_that_dies_half_way_goes_on_from_what_is_kept(
    many: Dataset, ask_embedding: Ask, done: Done
) -> None:
    job = ask_embedding()

    class Killed(BaseException):
        """What a kill looks like from inside: nothing gets to write the row's end."""

    def until_killed(row: Embedding, progress: Progress) -> None:
        class Dying(Progress):
            def __call__(self, fraction: float, step: str = "") -> None:
                if fraction > 0.7:
                    raise Killed

        embed(row, Dying(row))

    with pytest.raises(Killed):
        worker.run(Embedding, job.id, until_killed)
    job.refresh_from_db()
    assert job.status == "running"
    n_kept = job.n_embedded
    assert 0 < n_kept < 120
    Embedding.objects.filter(id=job.id).update(heartbeat_at="2020-01-01T00:00Z")
    done(job)
    assert (job.status, job.attempt, job.n_embedded) == ("done", 2, 120)
    assert job.figures["n_found_already"] == n_kept


def test_a_cancelled_embedding_stops_and_keeps_what_it_has(
    many: Dataset, ask_embedding: Ask
) -> None:
    job = ask_embedding()

    def cancelled_meanwhile(row: Embedding, progress: Progress) -> None:
        Embedding.objects.filter(id=row.id).update(cancel_requested=True)
        with pytest.raises(Stopped):
            embed(row, progress)
        raise Stopped

    worker.run(Embedding, job.id, cancelled_meanwhile)
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_one_unreadable_face_is_named_and_the_rest_embedded(
    many: Dataset, ask_embedding: Ask, done: Done
) -> None:
    image_path(many.faces.get(filename="000003.jpg")).write_bytes(b"no picture")
    image_path(many.faces.get(filename="000004.jpg")).unlink()
    row = done(ask_embedding("identity=1,2"))
    assert (row.status, row.n_faces, row.n_embedded) == ("done", 6, 4)
    first, second = row.figures["unusable"]
    assert "000003.jpg cannot be used" in first
    assert "000004.jpg" in second


def test_a_truncated_chunk_is_made_again(many: Dataset, ask_embedding: Ask, done: Done) -> None:
    job = done(ask_embedding())
    folder = store_of(job.generator, job.space).folder
    chunk = sorted(folder.iterdir())[0]
    chunk.write_bytes(chunk.read_bytes()[:-100])
    again = done(ask_embedding())
    assert again.n_embedded == 120
    (told,) = again.figures["damaged_chunks_made_again"]
    assert told.startswith(chunk.name)


def test_a_direction_says_what_it_was_fitted_on(direction: Direction) -> None:
    assert (direction.status, direction.error) == ("done", None)
    result = direction.result
    assert [one["count"] for one in result["bins"] if one["used"]]
    assert result["n_faces"] == sum(one["count"] for one in result["bins"])
    assert {result["lines"][side]["slope_norm"] > 0 for side in ("left", "right")} == {True}
    assert result["probe"]["n_held_out"] > 0
    assert len(result["check"]["points"]) == 6
    kept = load_file(places.direction_file(direction.id))
    assert kept["left.slope"].shape == (3 * 16 * 16,)


def identities_apart(direction: Direction) -> set[int]:
    """The people whose faces took no part in the fit."""
    held_out = Face.objects.filter(id__in=direction.result["held_out"])
    return set(held_out.values_list("identity", flat=True))


def test_people_who_measure_take_no_part_in_the_fit(direction: Direction, many: Dataset) -> None:
    within = many.faces.filter(yaw_degrees__gte=-45, yaw_degrees__lt=45)
    fitted_on = within.exclude(identity__in=identities_apart(direction)).count()
    assert 0 < direction.result["n_faces"] == fitted_on < within.count()


def test_the_line_is_the_regression_through_the_centroids(
    direction: Direction, many: Dataset
) -> None:
    rows = list(many.faces.exclude(identity__in=identities_apart(direction)))
    latents = store_of(direction.generator, direction.space).read([row.id for row in rows])
    yaws = np.array([row.yaw_degrees for row in rows])
    edges = [edge for edge in direction.bins if edge >= -10]
    bins = [(yaws >= low) & (yaws < high) for low, high in pairwise(edges)]
    centroids = np.stack([latents[inside].mean(axis=0, dtype=np.float64) for inside in bins])
    means = np.array([yaws[inside].mean() for inside in bins])
    counts = np.array([inside.sum() for inside in bins], float)
    slope = np.polyfit(means, centroids, 1, w=np.sqrt(counts))[0]
    kept = load_file(places.direction_file(direction.id))["right.slope"]
    np.testing.assert_allclose(kept, slope, rtol=1e-6, atol=1e-9)


def fitted(generator: Generator, query: str, done: Done, **given: object) -> Direction:
    return done(
        jobs.fit_direction(
            user=None,
            generator=generator,
            face_filter=FaceFilter.parse(query),
            body={},
            ring=nobody,
            **given,
        )
    )


def test_bins_of_one_face_are_named_and_left_out(
    direction: Direction, many: Dataset, generator: Generator, done: Done
) -> None:
    alone = many.faces.exclude(identity__in=identities_apart(direction)).first()
    Face.objects.filter(id=alone.id).update(yaw_degrees=65)
    row = fitted(generator, "", done, bins=[*direction.bins, 60, 70, 80])
    assert (row.status, row.error) == ("done", None)
    noted = {one["yaw_min"]: (one["count"], one["used"], one["note"]) for one in row.result["bins"]}
    assert noted[60] == (1, False, "one face only")
    assert noted[70] == (0, False, "empty")
    assert noted[10][1:] == (True, "")


def test_a_filter_that_leaves_one_side_only_is_told(
    direction: Direction, generator: Generator, done: Done
) -> None:
    row = fitted(generator, "yaw_min=-5&yaw_max=5", done)
    assert row.status == "failed"
    assert "a direction needs 3" in row.error
    assert "-10..10:" in row.error


def test_faces_without_a_latent_are_told(
    many: Dataset, generator: Generator, ask_embedding: Ask, done: Done
) -> None:
    done(ask_embedding("yaw_max=-40"))
    row = fitted(generator, "yaw_min=0", done)
    assert row.status == "failed"
    assert row.error.startswith("None of the")
    assert "has a latent in" in row.error


def test_zero_degrees_is_the_photo(edit: Edit) -> None:
    assert (edit.status, edit.error) == ("done", None)
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    zero = next(frame for frame in edit.result["frames"] if frame["degrees"] == 0)
    photo = load_faces([image_path(edit.face)], 16)[0].astype(int)
    shown = np.asarray(Image.open(folder / zero["file"])).astype(int)
    assert np.abs(shown - photo).max() <= 1
    assert zero["achieved_yaw"] == pytest.approx(0, abs=0.05)


def test_frames_come_in_order_with_strip_and_animation(edit: Edit) -> None:
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    assert [frame["degrees"] for frame in edit.result["frames"]] == [-20, 0, 20]
    assert Image.open(folder / edit.result["strip"]).width > 3 * 32
    assert Image.open(folder / edit.result["animation"]).n_frames == 4
    json.dumps(edit.result, allow_nan=False)


def test_a_face_without_a_latent_is_inverted_on_the_way(
    direction: Direction, many: Dataset, done: Done
) -> None:
    face = many.faces.get(filename="000026.jpg")
    stored = done(
        jobs.turn(user=None, face=face, direction=direction, degrees=[10], body={}, ring=nobody)
    )
    for chunk in store_of(direction.generator, direction.space).folder.iterdir():
        chunk.unlink()
    fresh = done(
        jobs.turn(user=None, face=face, direction=direction, degrees=[10], body={}, ring=nobody)
    )
    assert (stored.status, fresh.status) == ("done", "done")
    frames = [
        np.asarray(Image.open(places.edit_folder(row.id) / "1" / "frame00.png")).astype(int)
        for row in (stored, fresh)
    ]
    # Kept latents are half precision, and the network may compute in bfloat16.
    assert np.abs(frames[0] - frames[1]).mean() < 1


def test_a_direction_file_of_another_space_is_refused(
    direction: Direction, many: Dataset, done: Done
) -> None:
    path = places.direction_file(direction.id)
    header = {"format": "penumbra-direction-2", "space": "elsewhere", "generator": "x"}
    save_file(load_file(path), path, metadata=header)
    face = many.faces.first()
    row = done(
        jobs.turn(user=None, face=face, direction=direction, degrees=[5], body={}, ring=nobody)
    )
    assert row.status == "failed"
    assert "has space 'elsewhere', not" in row.error

"""Latents on disk: whole or absent, keyed by face, never mixed."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from editing.chunks import LOOK, Damaged
from editing.places import space_key
from editing.store import LatentStore, write_whole

SHA = "ab" * 32
SPACE = space_key(SHA, method="inversion", timestep=509, steps=20, refinements=1)


@pytest.fixture
def store(tmp_path: Path) -> LatentStore:
    return LatentStore(tmp_path, SPACE, SHA)


def latents_of(face_ids: list[int], dimensions: int = 12) -> np.ndarray:
    """Rows that tell whose they are."""
    return np.array([[face_id + index / 16 for index in range(dimensions)] for face_id in face_ids])


def test_a_latent_is_found_by_its_face_whatever_the_order(store: LatentStore) -> None:
    store.write([7, 3, 11], latents_of([7, 3, 11]))
    store.write([5, 20], latents_of([5, 20]))
    np.testing.assert_array_equal(store.read([20, 3, 7]), latents_of([20, 3, 7]))


def test_blocks_give_each_wanted_face_and_no_other(store: LatentStore) -> None:
    # Many files of which one row in seven is wanted, one of which all are, a face in two files.
    for first in range(0, 700, 7):
        store.write(list(range(first, first + 7)), latents_of(list(range(first, first + 7))))
    store.write([800, 801, 802, 7], latents_of([800, 801, 802, 7]))
    draw = np.random.default_rng(0)
    asked = draw.permutation([*range(3, 700, 7), *range(210, 217), 800, 801, 802, 7, 10, 10])
    found, sizes = np.full((len(asked), 12), np.nan), []
    for latents, rows, at in store.blocks(asked):
        assert np.isnan(found[at]).all()
        found[at] = latents[rows]
        sizes.append(len(latents))
    np.testing.assert_array_equal(found, latents_of(asked.tolist()).astype(np.float16))
    # Whole files as they lie, single rows gathered.
    assert set(sizes) == {4, 7, 64}


def test_a_row_that_was_cut_off_since_is_told_and_not_made_up(store: LatentStore) -> None:
    path = store.write(list(range(8)), latents_of(list(range(8))))
    assert store.present([7]) == {7}
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(Damaged, match="ends before its row 7"):
        store.read([7])
    np.testing.assert_array_equal(store.read([6]), latents_of([6]))


def test_a_header_of_thousands_of_faces_is_read_to_its_end(store: LatentStore) -> None:
    ids = list(range(2_000))
    path = store.write(ids, latents_of(ids, 1))
    assert int.from_bytes(path.read_bytes()[:8], "little") > 2 * LOOK
    fresh = LatentStore(store.folder.parent, SPACE, SHA)
    np.testing.assert_array_equal(fresh.read([1_999, 0]), [[1_999], [0]])


def test_a_chunk_is_a_plain_safetensors_file(store: LatentStore) -> None:
    path = store.write([1, 2], latents_of([1, 2]))
    stored = load_file(path)["latents"]
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, latents_of([1, 2]))


def test_a_face_without_a_latent_is_named(store: LatentStore) -> None:
    store.write([1, 2], latents_of([1, 2]))
    with pytest.raises(ValueError, match=r"2 of 3 faces have no latent .* face 8"):
        store.read([1, 9, 8])


@pytest.mark.parametrize("kept", [0, 5, 60, -1])
def test_a_truncated_chunk_is_noticed_discarded_and_made_again(
    store: LatentStore, kept: int
) -> None:
    store.write([1, 2], latents_of([1, 2]))
    path = store.write([3, 4], latents_of([3, 4]))
    path.write_bytes(path.read_bytes()[:kept])
    fresh = LatentStore(store.folder.parent, SPACE, SHA)
    assert fresh.present([1, 2, 3, 4]) == {1, 2}
    with pytest.raises(ValueError, match="1 damaged chunk"):
        fresh.read([3])
    (told,) = fresh.discard_damaged()
    assert path.name in told
    fresh.write([3, 4], latents_of([3, 4]))
    assert fresh.present([1, 2, 3, 4]) == {1, 2, 3, 4}


def test_a_chunk_of_another_generator_is_refused_by_name(store: LatentStore) -> None:
    path = store.write([1], latents_of([1]))
    other = LatentStore(store.folder.parent, SPACE, "cd" * 32)
    with pytest.raises(ValueError, match=f"{path.name} has generator '{SHA}'; expected 'cdcd"):
        other.present([1])


def test_a_chunk_of_another_space_is_refused_by_name(store: LatentStore) -> None:
    path = store.write([1], latents_of([1]))
    elsewhere = space_key(SHA, method="inversion", timestep=313, steps=20, refinements=1)
    moved = store.folder.parent / elsewhere / path.name
    write_whole(moved, path.read_bytes())
    with pytest.raises(ValueError, match=r"has space .*t509.*expected .*t313"):
        LatentStore(store.folder.parent, elsewhere, SHA).present([1])


def test_numbers_that_half_precision_cannot_hold_are_refused(store: LatentStore) -> None:
    rows = latents_of([1, 2])
    rows[1, 3] = 1e6
    with pytest.warns(RuntimeWarning, match="overflow"), pytest.raises(ValueError, match="face 2"):
        store.write([1, 2], rows)
    assert store.present([1, 2]) == set()


def test_a_count_that_differs_from_the_faces_is_refused(store: LatentStore) -> None:
    with pytest.raises(ValueError, match=r"\(2, 12\); expected \(3, d\)"):
        store.write([1, 2, 3], latents_of([1, 2]))


def _write_many(folder: Path, times: int) -> None:
    store = LatentStore(folder, SPACE, SHA)
    for _ in range(times):
        store.write(list(range(64)), latents_of(list(range(64)), 300))


def test_writers_of_the_same_chunk_do_no_harm_to_each_other_or_to_readers(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(tmp_path, 40)) for _ in range(3)]
    for writer in writers:
        writer.start()
    looked = 0
    while any(writer.is_alive() for writer in writers):
        # A new store each time: it must never see half a file.
        reader = LatentStore(tmp_path, SPACE, SHA)
        if reader.present(list(range(64))):
            np.testing.assert_array_equal(reader.read([63, 0])[:, 0], [63, 0])
            looked += 1
        assert not reader.damaged
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert looked
    assert [path.suffix for path in (tmp_path / SPACE).iterdir()] == [".safetensors"]


def test_rows_say_where_latents_lie_without_reading_them(tmp_path: Path) -> None:
    store = LatentStore(tmp_path, "space", "aa")
    latents = np.arange(24, dtype=np.float32).reshape(6, 4)
    store.write([5, 3, 9], latents[:3])
    store.write([1, 7, 2], latents[3:])
    of = dict(zip([5, 3, 9, 1, 7, 2], latents, strict=True))
    asked = np.array([9, 1, 5, 9])
    seen = np.zeros(4, int)
    for chunk, at, rows in store.rows(asked):
        assert (np.diff(rows) >= 0).all()
        for position, row in zip(at, rows, strict=True):
            assert (chunk.rows()[row] == of[asked[position]]).all()
        seen[at] += 1
    assert seen.tolist() == [1, 1, 1, 1]
    assert list(store.rows(np.empty(0, int))) == []
    with pytest.raises(
        ValueError, match="2 of 3 faces have no latent in space, the first is face 4"
    ):
        list(store.rows(np.array([4, 9, 8])))

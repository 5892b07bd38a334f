import io

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from editing.engine.images import (
    animation,
    crop,
    load_faces,
    mean_face,
    png,
    strip,
    table,
    to_tensor,
    to_uint8,
)


def a_picture() -> np.ndarray:
    """178 wide, 218 high: green outside the face box, red in its left half, blue in its right."""
    picture = np.zeros((218, 178, 3), np.uint8)
    picture[..., 1] = 255
    picture[45:173, 25:153] = (255, 0, 0)
    picture[45:173, 89:153] = (0, 0, 255)
    return picture


def test_the_crop_is_the_face_box_and_nothing_beside_it():
    face = crop(a_picture(), 64)
    assert face.shape == (64, 64, 3)
    assert face[2:-2, 2:-2, 1].max() <= 2  # the filter looks a few pixels past the box
    assert (face[2:-2, 2:30, 0] >= 253).all()
    assert (face[2:-2, 34:-2, 2] >= 253).all()


def test_a_picture_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match="218x178; expected 178x218"):
        crop(a_picture().transpose(1, 0, 2).copy())


def test_faces_come_in_the_order_asked_and_a_bad_file_is_named(tmp_path):
    for name, level in (("a.png", 10), ("b.png", 200)):
        Image.fromarray(np.full((218, 178, 3), level, np.uint8)).save(tmp_path / name)
    faces = load_faces([tmp_path / "b.png", tmp_path / "a.png"], 32)
    assert faces[:, 0, 0, 0].tolist() == [200, 10]
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    with pytest.raises(ValueError, match=r"c\.jpg"):
        load_faces([tmp_path / "a.png", tmp_path / "c.jpg"])


def test_a_truncated_picture_is_refused(tmp_path):
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(out.getvalue()[:3000])
    with pytest.raises(ValueError, match=r"cut\.jpg"):
        load_faces([tmp_path / "cut.jpg"])


def test_tensors_and_pictures_are_each_other_back():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    x = to_tensor(levels)
    assert x.shape == (1, 3, 16, 16)
    assert (float(x.min()), float(x.max())) == (-1, 1)
    assert (to_uint8(x) == levels).all()
    assert to_uint8(torch.full((1, 3, 1, 1), 1.7)).tolist() == [[[[255] * 3]]]


def test_a_strip_shows_every_frame_in_its_place():
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    frames[1] = 255
    picture = np.asarray(strip(frames, ["-10", "0", "10"], scale=2))
    assert picture[12, 4 + 8].tolist() == [0, 0, 0]
    assert picture[12, 4 + 20 + 8].tolist() == [255, 255, 255]
    with pytest.raises(ValueError, match="2 column labels for 3"):
        strip(frames, ["a", "b"])


def test_a_table_with_labels_and_notes_holds_all_its_tiles():
    tiles = np.full((2, 3, 16, 16, 3), 77, np.uint8)
    notes = [["12 faces"] * 3] * 2
    sheet = np.asarray(table(tiles, rows=["left", "right"], columns=list("abc"), notes=notes))
    assert (sheet == 77).all(axis=-1).sum() == 6 * 32 * 32


def test_an_animation_plays_every_frame_there_and_back():
    frames = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (0, 100, 200)])
    with Image.open(io.BytesIO(animation(frames))) as played:
        assert played.format == "WEBP"
        assert played.n_frames == 4
        assert played.info["loop"] == 0
        assert not played.getexif()
    with Image.open(io.BytesIO(animation(frames, description="how"))) as told:
        assert told.getexif()[ExifTags.Base.ImageDescription] == "how"
    with pytest.raises(ValueError, match="got 1"):
        animation(frames[:1])


def test_the_mean_of_faces_and_of_none():
    faces = np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 101, np.uint8)])
    assert (mean_face(faces) == 50).all()
    assert mean_face(faces[:0], 6).shape == (6, 6, 3)


def test_png_bytes_open_as_the_same_picture():
    face = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png(face))) as again:
        assert (np.asarray(again) == face).all()

"""Pictures: only those of the dataset's folder, only real ones, flipped for mirror trials."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeling import queue
from labeling.errors import NotFound
from labeling.images import MOST_PIXELS, flipped, image_path
from labeling.models import Campaign, Dataset, Face, Turn


@pytest.fixture
def campaign(dataset_of) -> Campaign:
    return queue.create_campaign(dataset_of(4), "light", title="Light")


@pytest.fixture
def folder(campaign) -> Path:
    return Path(campaign.dataset.image_folder)


@pytest.fixture
def mirrored(campaign) -> Dataset:
    """The hidden dataset of the same faces flipped."""
    return Dataset.objects.create(
        name="small-mirrored", image_folder="/nowhere", mirrors=campaign.dataset
    )


def address(face: Face) -> str:
    return f"/api/faces/{face.id}/image"


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def half_red(path: Path, **options: object) -> None:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 32))
    image.save(path, **options)


def sides(content: bytes) -> tuple[str, str]:
    pixels = np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)
    return tuple(
        "red" if side[..., 0].mean() > side[..., 2].mean() else "blue"
        for side in (pixels[:, :24], pixels[:, -24:])
    )


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        mark = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", mark)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_mirrored_face_is_the_original_s_file_flipped(campaign, mirrored, folder, people, api):
    half_red(folder / "sides.jpg", quality=90)
    original = campaign.dataset.faces.create(filename="sides.jpg")
    twin = mirrored.faces.create(filename="sides.jpg")
    client = api(people.rita)
    assert sides(body(client.get(address(original)))) == ("red", "blue")
    assert sides(body(client.get(address(twin)))) == ("blue", "red")


def test_a_mirrored_face_is_not_told_by_its_headers(campaign, mirrored, folder, people, api):
    noise = np.random.default_rng(7).integers(0, 255, (28, 23, 3), dtype=np.uint8)
    face = Image.fromarray(noise).resize((178, 218), Image.Resampling.BICUBIC)
    face.save(folder / "000001.jpg", quality=90, optimize=True)  # as CelebA's are
    twin = mirrored.faces.create(filename="000001.jpg")
    client = api(people.rita)
    original = client.get(address(campaign.dataset.faces.get(filename="000001.jpg")))
    flipped_one = client.get(address(twin))
    varying = {"ETag", "Content-Length"}
    plain, other = dict(original.items()), dict(flipped_one.items())
    for header in varying:
        assert plain.pop(header) != other.pop(header, None)
    assert other == plain
    assert len(original["ETag"]) == len(flipped_one["ETag"])
    # Nor by its size: the same tables give about as many bytes.
    sizes = [len(body(answer)) for answer in (original, flipped_one)]
    assert max(sizes) < 1.05 * min(sizes)


def test_a_mirrored_face_is_cached_and_sent_in_parts_like_any_other(mirrored, people, api):
    twin = mirrored.faces.create(filename="000001.jpg")
    client = api(people.rita)
    whole = client.get(address(twin))
    content = body(whole)
    assert client.get(address(twin), headers={"If-None-Match": whole["ETag"]}).status_code == 304
    part = client.get(address(twin), headers={"Range": "bytes=2-9"})
    assert (part.status_code, body(part)) == (206, content[2:10])


def test_a_mirrored_face_has_no_address_of_its_own_for_annotators(campaign, mirrored, people, api):
    twin = mirrored.faces.create(filename="000001.jpg")
    Turn.objects.create(campaign=campaign, face=twin, kind=Turn.Kind.MIRROR, wanted=1)
    assert api(people.ada).get(address(twin)).status_code == 404
    assert api(people.rita).get(address(twin)).status_code == 200


@pytest.mark.parametrize(
    ("name", "mode"), [("rgb.jpg", "RGB"), ("grey.jpg", "L"), ("cmyk.jpg", "CMYK"),
                       ("rgb.png", "RGB"), ("palette.png", "P"), ("alpha.png", "RGBA")]
)  # fmt: skip
def test_flipping_keeps_the_format_and_loses_next_to_nothing(tmp_path, name, mode):
    ramp = Image.linear_gradient("L").rotate(90).resize((48, 40)).convert("RGB")
    ramp.convert(mode).save(tmp_path / name)
    there = Image.open(tmp_path / name)
    back = Image.open(BytesIO(flipped(tmp_path / name)))
    assert (back.format, back.mode, back.size) == (there.format, there.mode, there.size)
    difference = np.asarray(there.convert("RGB")).astype(float)
    difference -= np.asarray(back.convert("RGB"))[:, ::-1]
    assert np.abs(difference).mean() < 2


def test_a_picture_that_a_camera_turned_is_flipped_as_people_see_it(tmp_path):
    upright = Image.new("RGB", (64, 32), "blue")
    upright.paste("red", (0, 0, 32, 32))
    turned = upright.rotate(90, expand=True)  # 6: "turn me 90 degrees clockwise to show me"
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert sides(flipped(tmp_path / "turned.jpg")) == ("blue", "red")


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "/etc/hostname", "link.jpg", "folder.jpg", "pipe.jpg", "ring.jpg",
             "sub/../../secret.jpg", "notes.txt", "gone.jpg", "x" * 190 + "/" + "y" * 5, ".", ""]
)  # fmt: skip
def test_nothing_but_a_file_of_the_folder_is_a_picture(
    campaign, folder, people, api, tmp_path, name
):
    half_red(tmp_path / "secret.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "sub").symlink_to(tmp_path)
    (folder / "ring.jpg").symlink_to(folder / "ring.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "notes.txt").write_text("not an image")
    face = campaign.dataset.faces.create(filename=name)
    answer = api(people.rita).get(address(face))
    assert (answer.status_code, answer.data["code"]) == (404, "not_found")
    assert b"secret" not in answer.content.replace(name.encode(), b"")


def test_the_absolute_name_of_a_picture_elsewhere_is_refused(campaign, people, api, tmp_path):
    half_red(tmp_path / "secret.jpg")
    face = campaign.dataset.faces.create(filename=str(tmp_path / "secret.jpg"))
    assert api(people.rita).get(address(face)).status_code == 404


def test_a_link_within_the_folder_is_a_picture(campaign, folder, people, api):
    (folder / "again.jpg").symlink_to(folder / "000001.jpg")
    face = campaign.dataset.faces.create(filename="again.jpg")
    assert api(people.rita).get(address(face)).status_code == 200


@pytest.mark.parametrize("name", ["a\0.jpg", "\0", "z" * 5000])
def test_a_name_that_no_file_can_have_is_refused(campaign, name):
    # The database keeps no such name; the rows of a later import must not get around that.
    with pytest.raises(NotFound):
        image_path(Face(dataset=campaign.dataset, filename=name))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.jpg", b"<!doctype html><script>alert(1)</script>"),
        ("drawing.jpg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("animation.jpg", b"GIF89a" + bytes(40)),
        ("key.png", b"-----BEGIN PRIVATE KEY-----"),
        ("empty.jpg", b""),
        ("cut.png", b"\x89PNG\r\n\x1a\n"),
        ("cut.jpg", b"\xff\xd8\xff"),
        ("huge.png", png_that_claims(60_000, 60_000)),
        ("large.png", png_that_claims(8_000, MOST_PIXELS // 8_000 + 1)),
    ],
)
def test_what_only_calls_itself_a_picture_is_refused(
    campaign, mirrored, folder, people, api, name, content
):
    (folder / name).write_bytes(content)
    for dataset in (campaign.dataset, mirrored):
        answer = api(people.rita).get(address(dataset.faces.create(filename=name)))
        assert (answer.status_code, answer.data["code"]) == (404, "not_found")


def test_a_damaged_picture_has_no_mirrored_one(mirrored, folder, people, api):
    whole = (folder / "000001.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    assert (
        api(people.rita).get(address(mirrored.faces.create(filename="half.jpg"))).status_code == 404
    )


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
@pytest.mark.parametrize("suffix", [".jpg", ".PNG"])
def test_the_type_is_what_the_bytes_are_whatever_the_name_says(
    campaign, folder, people, api, format_, suffix
):
    half_red(folder / f"picture{suffix}", format=format_)
    answer = api(people.rita).get(
        address(campaign.dataset.faces.create(filename=f"picture{suffix}"))
    )
    assert answer["Content-Type"] == f"image/{format_.lower()}"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer["Cache-Control"]
    assert "immutable" in answer["Cache-Control"]


def test_a_picture_that_changes_gets_another_mark(campaign, folder, people, api):
    face = campaign.dataset.faces.get(filename="000001.jpg")
    client = api(people.rita)
    before = client.get(address(face))["ETag"]
    half_red(folder / "000001.jpg")
    again = client.get(address(face), headers={"If-None-Match": before})
    assert (again.status_code, again["ETag"] != before) == (200, True)

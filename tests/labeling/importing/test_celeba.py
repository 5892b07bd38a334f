"""A folder comes in whole and as it is, a second time without change, or not at all."""

import os
import shutil

import pytest
from PIL import Image

from labeling.errors import Conflict, Refused
from labeling.importing.celeba import import_faces
from labeling.models import Dataset, Face
from tests.labeling.importing.conftest import (
    ATTRIBUTES,
    POINTS,
    write_csv,
    write_images,
    write_lines,
    write_txt,
)

pytestmark = pytest.mark.django_db


def rows_of(dataset):
    columns = ("filename", "width", "height", "identity", "split", "attributes", "landmarks")
    return list(dataset.faces.order_by("filename").values_list(*columns))


def refusal(folder, **more):
    """The sentence with which an import is refused; nothing is stored then."""
    before = (Dataset.objects.count(), Face.objects.count())
    with pytest.raises(Refused) as refused:
        import_faces(folder, **more)
    assert (Dataset.objects.count(), Face.objects.count()) == before
    assert "\n" not in refused.value.detail
    return refused.value.detail


def replace(path, old, new):
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))


def test_every_table_of_torchvisions_form_reaches_its_face(celeba):
    report = import_faces(celeba, "My Faces")
    assert (report.dataset.name, report.added, report.kept) == ("my-faces", 6, 0)
    assert report.missing_tables == []
    dataset = Dataset.objects.get()
    assert dataset.attribute_names == ATTRIBUTES
    assert (dataset.n_faces, dataset.is_rendered) == (6, False)
    assert dataset.image_folder == str((celeba / "img_align_celeba").resolve())
    assert rows_of(dataset) == [
        (f"{i + 1:06d}.jpg", 178, 218, 100 + i // 2, i % 3, i, list(POINTS)) for i in range(6)
    ]
    assert all(abs(yaw) < 5 for yaw in Face.objects.values_list("yaw_degrees", flat=True))


def test_kaggles_csv_in_the_nested_folder_says_the_same_but_for_identities(tmp_path, celeba):
    kaggle = tmp_path / "kaggle"
    write_images(kaggle / "img_align_celeba" / "img_align_celeba", 6)
    write_csv(kaggle, 6)
    report = import_faces(kaggle)
    assert report.missing_tables == ["identity_CelebA.txt"]
    assert report.dataset.missing_tables == ["identity_CelebA.txt"]
    torchvisions = rows_of(import_faces(celeba).dataset)
    assert rows_of(report.dataset) == [(*row[:3], None, *row[4:]) for row in torchvisions]


def test_attributes_of_0_and_1_are_those_of_minus_1_and_1(celeba):
    path = celeba / "list_attr_celeba.txt"
    path.write_bytes(path.read_bytes().replace(b"-1", b" 0"))
    dataset = import_faces(celeba).dataset
    assert [row[5] for row in rows_of(dataset)] == list(range(6))


def test_images_alone_are_enough(tmp_path):
    write_images(tmp_path / "bare" / "img_align_celeba", 3)
    report = import_faces(tmp_path / "bare")
    assert len(report.missing_tables) == 4
    assert rows_of(report.dataset)[0] == ("000001.jpg", 178, 218, None, None, None, None)


def test_a_second_import_changes_nothing(celeba):
    before = rows_of(import_faces(celeba).dataset)
    report = import_faces(celeba)
    assert (report.added, report.kept, report.dataset.n_faces) == (0, 6, 6)
    assert rows_of(report.dataset) == before


def test_a_grown_folder_adds_its_new_faces(celeba):
    ids = list(import_faces(celeba).dataset.faces.order_by("id").values_list("id", flat=True))
    write_images(celeba / "img_align_celeba", 9)
    write_txt(celeba, 9)
    report = import_faces(celeba)
    assert (report.added, report.kept, report.dataset.n_faces) == (3, 6, 9)
    assert list(report.dataset.faces.order_by("id").values_list("id", flat=True))[:6] == ids


def test_a_table_that_comes_later_fills_what_was_unknown(celeba):
    identities = (celeba / "identity_CelebA.txt").read_bytes()
    (celeba / "identity_CelebA.txt").unlink()
    assert import_faces(celeba, verify="none").missing_tables == ["identity_CelebA.txt"]
    assert rows_of(Dataset.objects.get())[5][1:4] == (None, None, None)
    (celeba / "identity_CelebA.txt").write_bytes(identities)
    report = import_faces(celeba)
    assert (report.added, report.dataset.missing_tables) == (0, [])
    assert rows_of(report.dataset)[5][1:4] == (178, 218, 102)


def test_a_changed_row_is_refused_with_both_values(celeba):
    dataset = import_faces(celeba).dataset
    before = rows_of(dataset)
    replace(celeba / "identity_CelebA.txt", b"000003.jpg 101", b"000003.jpg 999")
    assert "000003.jpg has identity 101 in dataset 'celeba', now 999 came" in refusal(celeba)
    assert rows_of(dataset) == before


def test_a_face_that_is_gone_is_refused(celeba):
    import_faces(celeba)
    (celeba / "img_align_celeba" / "000006.jpg").unlink()
    write_txt(celeba, 5)
    assert "000006.jpg belongs to dataset 'celeba'" in refusal(celeba)


def test_another_folder_needs_another_name_but_a_moved_one_does_not(celeba, tmp_path):
    import_faces(celeba, "faces")
    shutil.copytree(celeba, tmp_path / "copy")
    with pytest.raises(Conflict, match="give this one another name"):
        import_faces(tmp_path / "copy", "faces")
    shutil.rmtree(celeba)
    report = import_faces(tmp_path / "copy", "faces")
    assert (report.added, report.kept) == (0, 6)
    assert report.dataset.image_folder == str(tmp_path / "copy" / "img_align_celeba")


def test_other_attributes_than_before_are_refused(celeba):
    import_faces(celeba)
    replace(celeba / "list_attr_celeba.txt", b"Smiling", b"Hat")
    assert "Male Smiling Young; now came Male Hat Young" in refusal(celeba)


DAMAGE = {
    "a count that is too high": (
        "list_attr_celeba.txt",
        (b"6\r\n", b"7\r\n"),
        "list_attr_celeba.txt, line 1: the count is 7, but 6 rows follow",
    ),
    "no count at all": (
        "list_landmarks_align_celeba.txt",
        (b"6\r\n", b""),
        "list_landmarks_align_celeba.txt, line 1: 'lefteye_x",
    ),
    "an attribute too few": (
        "list_attr_celeba.txt",
        (b"000004.jpg  1  1 -1", b"000004.jpg  1  1"),
        "list_attr_celeba.txt, line 6: 3 columns came, expected 4",
    ),
    "an attribute of 2": (
        "list_attr_celeba.txt",
        (b"000004.jpg  1  1 -1", b"000004.jpg  1  2 -1"),
        "list_attr_celeba.txt, line 6: an attribute is '2', expected -1 or 1",
    ),
    "0 and -1 in one row": (
        "list_attr_celeba.txt",
        (b"000004.jpg  1  1 -1", b"000004.jpg  1  0 -1"),
        "list_attr_celeba.txt, line 6: an attribute is '0', expected -1 or 1",
    ),
    "an attribute named twice": (
        "list_attr_celeba.txt",
        (b"Smiling", b"Male"),
        "list_attr_celeba.txt, line 2: 3 columns named 2 different names",
    ),
    "a landmark that is no number": (
        "list_landmarks_align_celeba.txt",
        (b"000002.jpg   69", b"000002.jpg  6.9"),
        "list_landmarks_align_celeba.txt, line 4: a landmark is '6.9', expected a whole number",
    ),
    "a landmark far outside": (
        "list_landmarks_align_celeba.txt",
        (b"000002.jpg   69", b"000002.jpg 1069"),
        "list_landmarks_align_celeba.txt, line 4: the landmarks [1069, 111",
    ),
    "landmarks in another order": (
        "list_landmarks_align_celeba.txt",
        (b"nose_x nose_y", b"nose_y nose_x"),
        "list_landmarks_align_celeba.txt, line 2: the columns are 'lefteye_x",
    ),
    "a fourth partition": (
        "list_eval_partition.txt",
        (b"000005.jpg 1", b"000005.jpg 3"),
        "list_eval_partition.txt, line 5: the partition is 3, expected 0 to 2",
    ),
    "an identity that is missing": (
        "identity_CelebA.txt",
        (b"000005.jpg 102", b"000005.jpg"),
        "identity_CelebA.txt, line 5: 1 columns came, expected 2",
    ),
    "a file named twice": (
        "identity_CelebA.txt",
        (b"000005.jpg 102", b"000002.jpg 102"),
        "identity_CelebA.txt, line 5: 000002.jpg was already named at line 2",
    ),
    "a file without image": (
        "identity_CelebA.txt",
        (b"000005.jpg", b"000099.jpg"),
        "identity_CelebA.txt, line 5: 000099.jpg is named, but",
    ),
    "an image that is not named": (
        "identity_CelebA.txt",
        (b"000005.jpg 102\r\n", b""),
        "identity_CelebA.txt has no row for 000005.jpg (1 of 6 images are not named)",
    ),
    "a path that leaves the folder": (
        "identity_CelebA.txt",
        (b"000005.jpg", b"../../x.jpg"),
        "identity_CelebA.txt, line 5: the file name '../../x.jpg' leads elsewhere",
    ),
    "an absolute path": (
        "identity_CelebA.txt",
        (b"000005.jpg", b"/etc/x.jpg"),
        "identity_CelebA.txt, line 5: the file name '/etc/x.jpg' leads elsewhere",
    ),
    "an empty line between rows": (
        "list_eval_partition.txt",
        (b"000005.jpg 1", b"\r\n000005.jpg 1"),
        "list_eval_partition.txt, line 5: 0 columns came, expected 2",
    ),
    "bytes that are no text": (
        "list_eval_partition.txt",
        (b"000005.jpg 1", b"\xff\xfe"),
        "list_eval_partition.txt is no text",
    ),
    "an empty table": (
        "list_attr_celeba.txt",
        None,
        "list_attr_celeba.txt, line 1: '' came, expected the number of rows",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_table_is_refused_by_file_and_line(celeba, damage):
    name, change, sentence = DAMAGE[damage]
    if change is None:
        (celeba / name).write_bytes(b"")
    else:
        replace(celeba / name, *change)
    assert refusal(celeba).startswith(sentence)


def test_a_damaged_csv_is_refused_by_file_and_line(tmp_path):
    write_images(tmp_path / "kaggle" / "img_align_celeba", 4)
    write_csv(tmp_path / "kaggle", 4)
    table = tmp_path / "kaggle" / "list_eval_partition.csv"
    replace(table, b"image_id", b"file")
    assert refusal(tmp_path / "kaggle").startswith(
        "list_eval_partition.csv, line 1: the first column is 'file', expected 'image_id'"
    )
    replace(table, b"file", b"image_id")
    replace(table, b"000002.jpg,1", b"000002.jpg,1,1")
    assert refusal(tmp_path / "kaggle").startswith(
        "list_eval_partition.csv, line 3: 3 columns came, expected 2"
    )


def test_a_table_in_both_forms_is_refused(celeba):
    write_csv(celeba, 6)
    assert "both list_attr_celeba.txt and list_attr_celeba.csv" in refusal(celeba)


def test_a_folder_without_images_is_refused(tmp_path):
    assert "is no folder" in refusal(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no img_align_celeba/" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "img_align_celeba").mkdir()
    assert "holds no image" in refusal(tmp_path / "empty")


def test_an_image_that_is_a_link_out_of_the_folder_is_refused(celeba, tmp_path):
    Image.new("RGB", (178, 218)).save(tmp_path / "secret.jpg")
    image = celeba / "img_align_celeba" / "000002.jpg"
    image.unlink()
    os.symlink(tmp_path / "secret.jpg", image)
    assert refusal(celeba).startswith("000002.jpg is a link to ")


def test_a_link_inside_the_folder_is_an_image(celeba):
    image = celeba / "img_align_celeba" / "000002.jpg"
    image.unlink()
    os.symlink("000001.jpg", image)
    assert import_faces(celeba).added == 6


@pytest.mark.parametrize("kept", [0, 1, 30, 400, -2])
def test_a_truncated_jpeg_is_refused_by_its_name(celeba, kept):
    image = celeba / "img_align_celeba" / "000004.jpg"
    image.write_bytes(image.read_bytes()[:kept])
    assert refusal(celeba).startswith("000004.jpg ")
    assert import_faces(celeba, verify="none").added == 6


def test_only_a_full_check_sees_a_damaged_body(celeba):
    image = celeba / "img_align_celeba" / "000004.png"
    (celeba / "img_align_celeba" / "000004.jpg").unlink()
    for name in celeba.glob("*.txt"):
        replace(name, b"000004.jpg", b"000004.png")
    Image.effect_noise((178, 218), 50).save(image)
    content = bytearray(image.read_bytes())
    content[2000:2100] = bytes(100)
    image.write_bytes(content)
    assert refusal(celeba, verify="full").startswith("000004.png cannot be decoded")
    assert import_faces(celeba).added == 6


def test_an_unknown_check_is_refused(celeba):
    assert "verify is 'some'; expected one of" in refusal(celeba, verify="some")


def test_progress_only_grows(celeba):
    seen = []
    import_faces(celeba, progress=lambda fraction, step: seen.append(fraction))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1


def test_trailing_blank_lines_are_no_rows(celeba):
    table = celeba / "list_eval_partition.txt"
    table.write_bytes(table.read_bytes() + b"\r\n\r\n")
    assert import_faces(celeba).added == 6


def test_a_folder_of_the_light_stage_is_marked_as_rendered(celeba):
    write_lines(celeba / "truth.csv", ["file"])
    assert import_faces(celeba).dataset.is_rendered


def test_the_real_slice_comes_in_whole(shared_data):
    report = import_faces(shared_data / "celeba_slice")
    assert (report.added, report.missing_tables) == (8000, [])
    assert len(report.dataset.attribute_names) == 40
    first = report.dataset.faces.get(filename="000001.jpg")
    assert (first.identity, first.split, first.landmarks[:2]) == (2880, 0, [68, 110])
    male = 1 << report.dataset.attribute_names.index("Male")
    assert not first.attributes & male

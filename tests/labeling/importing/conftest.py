"""Small folders in CelebA's layout, to be damaged in one place each."""

import pytest
from PIL import Image

ATTRIBUTES = ["Male", "Smiling", "Young"]
LANDMARKS = (
    "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
    "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
)
POINTS = (69, 111, 108, 111, 88, 135, 73, 152, 105, 152)


def attributes_of(index):
    """Face 0 has none of the attributes, face 1 the first, face 3 the first two, ..."""
    return [1 if index >> bit & 1 else -1 for bit in range(len(ATTRIBUTES))]


def write_lines(path, lines, end="\r\n"):
    path.write_bytes("".join(line + end for line in lines).encode())


def write_images(folder, n_faces):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(n_faces):
        shade = Image.new("RGB", (178, 218), (40 + index, 90, 120))
        shade.save(folder / f"{index + 1:06d}.jpg")


def write_txt(folder, n_faces):
    """torchvision's form, padded and with CR LF as in the originals."""
    files = [f"{index + 1:06d}.jpg" for index in range(n_faces)]
    padded = [" ".join(f"{v:2d}" for v in attributes_of(index)) for index in range(n_faces)]
    rows = [f"{file} {values}" for file, values in zip(files, padded, strict=True)]
    write_lines(folder / "list_attr_celeba.txt", [str(n_faces), " ".join(ATTRIBUTES) + " ", *rows])
    points = " ".join(f"{value:4d}" for value in POINTS)
    rows = [f"{file} {points}" for file in files]
    write_lines(folder / "list_landmarks_align_celeba.txt", [str(n_faces), LANDMARKS, *rows])
    rows = [f"{file} {100 + index // 2}" for index, file in enumerate(files)]
    write_lines(folder / "identity_CelebA.txt", rows)
    rows = [f"{file} {index % 3}" for index, file in enumerate(files)]
    write_lines(folder / "list_eval_partition.txt", rows)


def write_csv(folder, n_faces):
    """Kaggle's form: three tables with image_id, no identities."""
    files = [f"{index + 1:06d}.jpg" for index in range(n_faces)]

    def table(name, names, row):
        rows = [",".join([file, *map(str, row(i))]) for i, file in enumerate(files)]
        write_lines(folder / name, [",".join(["image_id", *names]), *rows], end="\n")

    table("list_attr_celeba.csv", ATTRIBUTES, attributes_of)
    table("list_landmarks_align_celeba.csv", LANDMARKS.split(), lambda index: POINTS)
    table("list_eval_partition.csv", ["partition"], lambda index: [index % 3])


@pytest.fixture
def celeba(tmp_path):
    """A sound folder of six faces in torchvision's form."""
    folder = tmp_path / "celeba"
    write_images(folder / "img_align_celeba", 6)
    write_txt(folder, 6)
    return folder

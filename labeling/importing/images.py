"""Which images a folder holds, and whether each is whole: by its header alone, or decoded."""

import os
import struct
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from labeling.importing.tables import damaged

SUFFIXES = (".jpg", ".jpeg", ".png")
IMAGE_FOLDER = "img_align_celeba"
# An end mark may be followed by padding, never by this much.
TAIL_BYTES = 1024
# Start-of-frame markers of JPEG; C4, C8 and CC mean something else.
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def find_image_folder(folder: Path) -> Path:
    """The folder of the images: img_align_celeba, or Kaggle's second one of that name inside it."""
    if not folder.is_dir():
        raise damaged(f"{folder} is no folder, expected one that holds {IMAGE_FOLDER}/")
    outer = folder / IMAGE_FOLDER
    if not outer.is_dir():
        raise damaged(f"{folder} holds no {IMAGE_FOLDER}/, expected the images there")
    inner = outer / IMAGE_FOLDER
    return (inner if inner.is_dir() else outer).resolve()


def list_images(folder: Path) -> list[str]:
    """The names of a folder's images in alphabetical order; Refused for one that lies elsewhere."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
                continue
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(folder):
                raise damaged(
                    f"{entry.name} is a link to {os.readlink(entry.path)!r}, "
                    f"expected an image inside {folder}"
                )
            if not entry.is_file():
                raise damaged(f"{entry.name} is not a file, expected an image")
            names.append(entry.name)
    if not names:
        raise damaged(f"{folder} holds no image, expected files like 000001.jpg")
    return sorted(names)


def size_by_header(path: Path) -> tuple[int, int]:
    """Width and height from a JPEG's or PNG's header; Refused for a truncated or other file."""
    try:
        with path.open("rb") as file:
            start = file.read(24)
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                size, end = struct.unpack(">II", start[16:24]), b"IEND"
            elif start.startswith(b"\xff\xd8"):
                size, end = _jpeg_size(file, path), b"\xff\xd9"
            else:
                raise damaged(
                    f"{path.name} starts with {start[:4].hex(' ')!r}, expected a JPEG or PNG"
                )
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            if end not in file.read():
                raise damaged(f"{path.name} is truncated: its end mark is missing")
    except (struct.error, OSError) as error:
        raise damaged(f"{path.name} cannot be read: {error}") from None
    return size


def _jpeg_size(file, path: Path) -> tuple[int, int]:
    file.seek(2)
    while True:
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            raise damaged(f"{path.name} is truncated: no frame header came before its end")
        if head[1] in FRAME_MARKERS:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return width, height
        file.seek(int.from_bytes(head[2:4], "big") - 2, os.SEEK_CUR)


def size_by_decoding(path: Path) -> tuple[int, int]:
    """Width and height of an image that was decoded to its last row; Refused if it cannot be."""
    size_by_header(path)
    try:
        with Image.open(path) as image:
            image.load()
            return image.size
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise damaged(f"{path.name} cannot be decoded: {error}") from None

"""A face's picture: where it lies, never outside its dataset's folder, and what its bytes are."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, JpegImagePlugin

from labeling.errors import NotFound
from labeling.models import Dataset, Face

SUFFIXES = (".jpg", ".jpeg", ".png")
# By what the bytes are; MPO is a JPEG with a second one behind it, as phones write them.
CONTENT_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
# A picture that names more is no photograph of a face but a trap for whoever decodes it.
MOST_PIXELS = 32_000_000


def image_path(face: Face) -> Path:
    """The face's image file; raises NotFound for one that is gone or leads out of the folder."""
    if face.dataset.is_elsewhere:
        where = f"The image of face {face.id} is elsewhere, at {face.filename!r}"
        raise NotFound(f"{where}; Penumbra never fetches it.")
    root = Path(folder_of(face.dataset)).resolve()
    try:
        # resolve() follows links, so a link that leads out of the folder is seen for what it is.
        path = (root / face.filename).resolve()
        is_there = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError, RuntimeError):  # a name too long, a NUL, a ring of links
        is_there = False
    if not is_there or path.suffix.lower() not in SUFFIXES:
        raise NotFound(f"Face {face.id} has no image {face.filename!r}.")
    return path


def folder_of(dataset: Dataset) -> str:
    """Where a dataset's images lie; flipped faces are the originals' files."""
    return dataset.image_folder if dataset.mirrors_id is None else dataset.mirrors.image_folder


def content_type(path: Path) -> str:
    """What a file's bytes are, whatever its name says; raises NotFound for anything but a picture.

    Only the header is read.
    """
    with opened(path) as image:
        return CONTENT_TYPES[image.format]


def opened(path: Path) -> Image.Image:
    """A JPEG or PNG of sane size, not decoded yet; raises NotFound for anything else."""
    try:
        image = Image.open(path, formats=("JPEG", "PNG"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NotFound(f"{path.name!r} is no JPEG or PNG.") from None
    if image.width * image.height > MOST_PIXELS:
        image.close()
        size = f"{image.width} x {image.height}"
        raise NotFound(f"{path.name!r} has {size} pixels; expected at most {MOST_PIXELS:,}.")
    return image


def flipped(path: Path) -> bytes:
    """The picture with left and right exchanged, in its own format and, as a JPEG, its own tables.

    raises  NotFound for a file that is no whole picture
    """
    output = BytesIO()
    with opened(path) as image:
        settings = _as_written(image)
        try:
            upright = ImageOps.exif_transpose(image)
        except (OSError, ValueError, SyntaxError):
            raise NotFound(f"{path.name!r} is damaged.") from None
        ImageOps.mirror(upright).save(output, **settings)
    return output.getvalue()


def _as_written(image: Image.Image) -> dict[str, object]:
    """How to save a picture so that its size and quality do not tell it from its original."""
    settings: dict[str, object] = {"icc_profile": image.info.get("icc_profile")}
    if image.format == "PNG":
        return settings | {"format": "PNG"}
    settings |= {"format": "JPEG", "optimize": True}  # as CelebA's files are
    if not image.quantization:
        return settings | {"quality": 92}
    if (sampling := JpegImagePlugin.get_sampling(image)) >= 0:
        settings["subsampling"] = sampling
    return settings | {"qtables": image.quantization}

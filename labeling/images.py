"""Where a face's picture lies, never outside its dataset's folder."""

from pathlib import Path

from labeling.errors import NotFound
from labeling.models import Face

SUFFIXES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


def image_path(face: Face) -> Path:
    """The face's image file; raises NotFound for one that is gone or leads out of the folder."""
    root = Path(face.dataset.image_folder).resolve()
    # resolve() follows links, so a link that leads out of the folder is seen for what it is.
    path = (root / face.filename).resolve()
    if not path.is_relative_to(root) or path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise NotFound(f"Face {face.id} has no image {face.filename!r}.")
    return path

"""Files that tell how to make them again: pictures and films with their recipe, as JSON, inside."""

import io
import json
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from editing import figures
from editing.engine import films, images

RECIPE_KEY = "penumbra"  # the PNG text chunk
ANIMATION_SCALE = 5


def png(picture: NDArray[np.uint8] | Image.Image, recipe: dict[str, Any]) -> bytes:
    """A PNG file with its recipe as a text chunk."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    info = PngInfo()
    info.add_text(RECIPE_KEY, json.dumps(recipe))
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def animation(frames: NDArray[np.uint8], recipe: dict[str, Any]) -> bytes:
    """Frames (m, h, w, 3) as an animated WebP with its recipe as Exif's ImageDescription."""
    return images.animation(frames, scale=ANIMATION_SCALE, description=json.dumps(recipe))


def film(frames: NDArray[np.uint8], recipe: dict[str, Any]) -> bytes:
    """Frames (m, h, w, 3) as an MP4 film with its recipe as the comment."""
    return films.film(frames, scale=ANIMATION_SCALE, comment=json.dumps(recipe))


def figure(drawn: Figure, recipe: dict[str, Any]) -> dict[str, bytes]:
    """A drawing as SVG, PDF and PNG, each with its recipe where the format has a place for it."""
    text = json.dumps(recipe)
    about = {"svg": {"Description": text}, "pdf": {"Subject": text}, "png": {RECIPE_KEY: text}}
    return figures.files_of(drawn, about)

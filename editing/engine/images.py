"""Pictures in and out: crops to tensors, frames to strips and animations."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image

from labeling.learning.pictures import CELEBA_SIZE, FACE_BOX, FAINT, crop, load_faces, png, table

__all__ = [
    "CELEBA_SIZE",
    "FACE_BOX",
    "animation",
    "crop",
    "load_faces",
    "mean_face",
    "png",
    "strip",
    "table",
    "to_tensor",
    "to_uint8",
]


def to_tensor(faces: NDArray[np.uint8]) -> torch.Tensor:
    """uint8 (n, h, w, 3) as float32 (n, 3, h, w) in [-1, 1]."""
    if faces.dtype != np.uint8 or faces.ndim != 4 or faces.shape[-1] != 3:
        raise ValueError(f"Pictures are {faces.dtype} {faces.shape}; expected uint8 (n, h, w, 3).")
    return torch.tensor(faces).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1


def to_uint8(x: torch.Tensor) -> NDArray[np.uint8]:
    """Tensors (n, 3, h, w) in [-1, 1], cut to that range, as uint8 (n, h, w, 3)."""
    levels = ((x.detach().to(torch.float32).clamp(-1, 1) + 1) * 127.5).round()
    pictures: NDArray[np.uint8] = levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pictures


def strip(
    frames: NDArray[np.uint8], labels: Sequence[str] | None = None, scale: int = 2
) -> Image.Image:
    """Frames (m, h, w, 3) side by side, each enlarged `scale` times, a label under each."""
    return table(frames[None], columns=labels, labels_below=True, scale=scale)


def mean_face(faces: NDArray[np.uint8], size: int | None = None) -> NDArray[np.uint8]:
    """The mean of faces (n, h, w, 3); of none, a plain grey tile of `size`."""
    if not len(faces):
        side = size or faces.shape[1]
        return np.full((side, side, 3), FAINT, np.uint8)
    return np.round(faces.mean(axis=0, dtype=np.float64)).astype(np.uint8)


def animation(
    frames: NDArray[np.uint8], milliseconds: int = 90, scale: int = 3, description: str = ""
) -> bytes:
    """Frames (m, h, w, 3) as an endless animated WebP that plays forth and back.

    description  ASCII, kept in the file as Exif's ImageDescription
    """
    if len(frames) < 2:
        raise ValueError(f"An animation needs 2 or more frames, got {len(frames)}.")
    size = (frames.shape[2] * scale, frames.shape[1] * scale)
    once = [Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS) for frame in frames]
    there_and_back = once + once[-2:0:-1]
    about = Image.Exif()
    if description:
        about[ExifTags.Base.ImageDescription] = description
    out = io.BytesIO()
    there_and_back[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=there_and_back[1:],
        duration=milliseconds,
        loop=0,
        quality=90,
        exif=about,
    )
    return out.getvalue()

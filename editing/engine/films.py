"""Frames as an MP4 film, by the FFmpeg that PyAV brings along."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def film(
    frames: NDArray[np.uint8], scale: int = 5, frames_per_second: int = 11, comment: str = ""
) -> bytes:
    """Frames (m, h, w, 3) as an H.264 film that plays forth and back once, enlarged by Lanczos.

    comment  kept in the file under that name
    """
    if len(frames) < 2:
        raise ValueError(f"A film needs 2 or more frames, got {len(frames)}.")
    # Chroma is kept for blocks of 2 x 2 pixels, so both sides must be even.
    width, height = (2 * round(side * scale / 2) for side in (frames.shape[2], frames.shape[1]))
    once = [
        Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS) for frame in frames
    ]
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream("libx264", rate=frames_per_second, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in once + once[-2::-1]:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return out.getvalue()

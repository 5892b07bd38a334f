"""A face-recognition model that a lab brings as an ONNX file, as a measure of identity.

Needs the library onnxruntime, which is not installed by default.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from editing.engine.likeness import Likeness, measure_likeness


class OnnxIdentity:
    """Faces to unit vectors by a model of one picture input (n, 3, h, w) in RGB, -1..1."""

    def __init__(self, session: Any, size: int, likeness: Likeness) -> None:
        self.session = session
        self.size = size
        self.likeness = likeness

    def embed(self, x: torch.Tensor, batch: int = 32) -> NDArray[np.float64]:
        """Unit vectors (n, d) of faces x (n, 3, h, w) in [-1, 1]; each is seen as it is and
        mirrored.
        """
        name = self.session.get_inputs()[0].name
        found = []
        for part in x.float().split(batch):
            sized = F.interpolate(part, (self.size, self.size), mode="bicubic", antialias=True)
            both = torch.cat([sized, sized.flip(-1)]).clamp(-1, 1).numpy()
            vectors = self.session.run(None, {name: both})[0].reshape(2, len(part), -1)
            whole = vectors.astype(np.float64).sum(axis=0)
            found.append(whole / np.linalg.norm(whole, axis=1, keepdims=True))
        return np.concatenate(found)


def load_onnx(
    path: str | Path,
    images: NDArray[np.uint8],
    identities: NDArray[Any],
    yaw_degrees: NDArray[np.floating],
    seed: int = 0,
) -> OnnxIdentity:
    """The model of a file, measured on faces (n, h, w, 3) of known people.

    raises  ValueError if onnxruntime or the file is missing, or the input is not (n, 3, h, w)
    """
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        raise ValueError(
            f"The identity model {path} needs onnxruntime; `pip install onnxruntime` brings it."
        ) from None
    if not Path(path).is_file():
        raise ValueError(f"There is no identity model {path}.")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its own error types live in the optional library
        raise ValueError(f"{path} cannot be read as an ONNX model: {error}") from None
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or shape[1] != 3 or not isinstance(shape[2], int) or shape[2] != shape[3]:
        raise ValueError(f"{path} takes {shape}; expected (n, 3, size, size).")
    if isinstance(shape[0], int):
        raise ValueError(f"{path} takes batches of {shape[0]} only; expected any number of faces.")
    model = OnnxIdentity(session, shape[2], Likeness.unmeasured())
    x = torch.tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    model.likeness = measure_likeness(model.embed(x), identities, yaw_degrees, seed=seed)
    return model

"""Numbers that say what a face looks like, for any question that is not about its light.

Edges by direction (after histograms of oriented gradients, Dalal & Triggs 2005) and colours on a
grid over the whole picture and on a finer one over the face, beside the numbers of light; of these
a dataset's own principal directions are kept. As there, each number is odd or even in the mirror.
"""

import json
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load, save

from labeling.learning import features

# Changes whenever a vector would; what is kept adds the basis that made it.
VERSION = "appearance-1"

# The whole picture, width and height in pixels; its cells and the face's.
WIDTH, HEIGHT = 72, 88
WHOLE_CELL, FACE_EDGE_CELL, FACE_COLOUR_CELL = 8, 4, 8
# Edges by direction: so many harmonics of twice the angle, whose sines are odd in the mirror.
HARMONICS = 2
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# How much the numbers of light weigh beside each of the others: they alone know about yaw and
# where on a turned head a point lies.
LIGHT_WEIGHT = 2.0
# Principal directions that are kept of the odd and of the even numbers.
N_ODD, N_EVEN = 40, 120


@dataclass(frozen=True)
class Basis:
    """What turns raw numbers into a face's vector: scaled, then along the principal directions.

    mean, spread  (d,) of the raw numbers
    odd, even     (d_odd, at most N_ODD), (d_even, at most N_EVEN)
    """

    mean: np.ndarray
    spread: np.ndarray
    odd: np.ndarray
    even: np.ndarray

    def project(self, raw: np.ndarray) -> np.ndarray:
        """Vectors (n, k) float32 of raw numbers (n, d), the odd ones first."""
        if raw.ndim != 2 or raw.shape[1] != len(self.mean):
            raise ValueError(f"raw numbers are {raw.shape}, expected (n, {len(self.mean)})")
        scaled, n_odd = (raw - self.mean) / self.spread, len(self.odd)
        return np.hstack([scaled[:, :n_odd] @ self.odd, scaled[:, n_odd:] @ self.even])

    def mirror_signs(self) -> np.ndarray:
        """What mirroring does to each number of a vector: -1 (odd) and 1 (even)."""
        counts = [self.odd.shape[1], self.even.shape[1]]
        return np.repeat(np.array([-1, 1], dtype=np.float32), counts)

    def to_bytes(self) -> bytes:
        """The basis as safetensors; `from_bytes` reads it back."""
        arrays = {name: np.ascontiguousarray(value) for name, value in vars(self).items()}
        return bytes(save(arrays, {"version": VERSION}))

    @staticmethod
    def from_bytes(content: bytes) -> "Basis":
        """Read what `to_bytes` wrote; ValueError for another version."""
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        found = header.get("__metadata__", {}).get("version")
        if found != VERSION:
            raise ValueError(f"the basis is of {found!r}, expected {VERSION!r}")
        return Basis(**load(content))


def fit_basis(raw: np.ndarray, n_odd: int) -> Basis:
    """The principal directions of raw numbers (n, d) of a dataset's faces, the odd ones first.

    Faces count with their mirror images, so the odd numbers' mean is zero.
    """
    mean = raw.mean(axis=0)
    mean[:n_odd] = 0
    spread = np.sqrt(((raw - mean) ** 2).mean(axis=0))
    # What hardly differs between faces is left out rather than blown up.
    spread = np.where(spread > 1e-4, spread, np.inf)
    n_light = len(features.mirror_signs())
    n_light_odd = int((features.mirror_signs() < 0).sum())
    spread[n_odd - n_light_odd : n_odd] /= LIGHT_WEIGHT
    spread[len(mean) - (n_light - n_light_odd) :] /= LIGHT_WEIGHT
    scaled = (raw - mean) / spread
    odd, even = _directions(scaled[:, :n_odd], N_ODD), _directions(scaled[:, n_odd:], N_EVEN)
    return Basis(*(part.astype(np.float32) for part in (mean, spread, odd, even)))


def extract(
    pictures: np.ndarray, crops: np.ndarray, *, yaw: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The raw numbers of faces, odd (n, d_odd) and even (n, d_even), float32.

    pictures        (n, HEIGHT, WIDTH, 3) uint8, the whole aligned image
    crops           (n, 64, 64, 3) uint8, the face
    yaw, landmarks  as features.extract has them
    raises          ValueError for other shapes
    """
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (HEIGHT, WIDTH, 3):
        raise ValueError(
            f"pictures are {pictures.dtype} {pictures.shape}, "
            f"expected uint8 (n, {HEIGHT}, {WIDTH}, 3)"
        )
    light = features.extract(crops, yaw=yaw, landmarks=landmarks)
    is_odd = features.mirror_signs() < 0
    parts = [
        *_seen(pictures, WHOLE_CELL, WHOLE_CELL),
        *_seen(crops, FACE_EDGE_CELL, FACE_COLOUR_CELL),
        (light[:, is_odd], light[:, ~is_odd]),
    ]
    odd, even = zip(*parts, strict=True)
    return np.hstack(odd), np.hstack(even)


def _seen(
    pictures: np.ndarray, edge_cell: int, colour_cell: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Edges and colours of pictures (n, h, w, 3) on grids of cells, each odd and even."""
    rgb = pictures.astype(np.float32) / 255
    tone = np.sqrt(rgb @ LUMA)
    return [_edges(tone, edge_cell), _colours(rgb, tone, colour_cell)]


def _edges(tone: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """How strong edges are in each cell beside its neighbours, and where they point."""
    edged = np.pad(tone, ((0, 0), (1, 1), (1, 1)), mode="edge")
    slope = (
        edged[:, 1:-1, 2:] - edged[:, 1:-1, :-2] + 1j * (edged[:, 2:, 1:-1] - edged[:, :-2, 1:-1])
    )
    strength = np.abs(slope) / 2
    doubled = (slope / (2 * strength + 2e-4)) ** 2  # an edge has no sign: angles count twice
    maps, signs, turning = [strength], [1], doubled
    for _ in range(HARMONICS):
        maps += [strength * turning.real, strength * turning.imag]
        signs += [1, -1]
        turning = turning * doubled
    pooled = _pooled(np.stack(maps, axis=-1), cell)
    around = np.pad(pooled[..., :1], ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = pooled.shape[1:3]
    near = sum(around[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9
    return _folded(pooled / (near + 0.01), np.array(signs, dtype=np.float32))


def _colours(rgb: np.ndarray, tone: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Brightness and two hues of each cell."""
    whole = rgb.sum(axis=-1) + 0.05
    reddish, yellowish = (rgb[..., 0] - rgb[..., 1]) / whole, (rgb[..., 1] - rgb[..., 2]) / whole
    maps = _pooled(np.stack([tone, reddish, yellowish], axis=-1), cell)
    return _folded(maps, np.ones(3, dtype=np.float32))


def _pooled(maps: np.ndarray, cell: int) -> np.ndarray:
    """Means (n, h / cell, w / cell, c) over square cells of maps (n, h, w, c)."""
    n, h, w, c = maps.shape
    return maps.reshape(n, h // cell, cell, w // cell, cell, c).mean(axis=(2, 4), dtype=np.float32)


def _folded(maps: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps (n, r, c, m) as what changes its sign in the mirror and what does not.

    signs  (m,) what mirroring does to each map beside moving it to the other side
    """
    n, _, columns, _ = maps.shape
    mirrored = maps[:, :, ::-1] * signs
    odd = (maps - mirrored)[:, :, : columns // 2] / 2
    even = (maps + mirrored)[:, :, : (columns + 1) // 2] / 2
    if columns % 2:
        # The middle column is its own mirror image: its sines are odd, the rest even.
        middle = maps[:, :, columns // 2]
        odd = np.concatenate([odd.reshape(n, -1), middle[..., signs < 0].reshape(n, -1)], axis=1)
        even = np.concatenate(
            [
                even[:, :, : columns // 2].reshape(n, -1),
                middle[..., signs > 0].reshape(n, -1),
            ],
            axis=1,
        )
    return odd.reshape(n, -1), even.reshape(n, -1)


def _directions(scaled: np.ndarray, most: int) -> np.ndarray:
    """Principal directions (d, at most `most`) of numbers (n, d) around zero, the first first."""
    _, axes = np.linalg.eigh(scaled.T @ scaled / max(len(scaled), 1))
    return axes[:, ::-1][:, :most]

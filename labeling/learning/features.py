"""Numbers that say where the light comes from, read off CelebA's 64 x 64 face crop.

Every number is either odd (the mirrored face has its negative) or even (the mirrored face has the
same), so mirroring a face is flipping signs: what ties a classifier's left to its right.
"""

from functools import lru_cache

import numpy as np

# Changes whenever a vector would: cached vectors and classifiers of another version are not used.
VERSION = "light-1"

SIZE = 64
# The crop's box in an aligned 178 x 218 image: left, top, right, bottom.
CROP_BOX = (25, 45, 153, 173)
ALIGNED_SIZE = (178, 218)
# The face's ellipse in crop pixels, about the crop's own middle: where CelebA's alignment puts it.
CENTER_Y, RADIUS_X, RADIUS_Y = 38.0, 19.0, 25.0
HALF_COLUMNS, ROWS = 4, 8
N_CELLS = HALF_COLUMNS * ROWS
# Light of black: keeps the logarithm, and with it the noise of deep shadow, small.
FLOOR = 0.02
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# The places of _harmonics that change their sign in the mirror (x, xy, xz), and the rest.
ODD_HARMONICS, EVEN_HARMONICS = [0, 1, 2], [3, 4, 5, 6, 7]
N_ODD = N_CELLS + 2 * ROWS + len(ODD_HARMONICS) + 2 + len(EVEN_HARMONICS)
N_EVEN = N_CELLS + 2 * ROWS + len(EVEN_HARMONICS) + 5


def extract(crops: np.ndarray, *, yaw: np.ndarray | None = None) -> np.ndarray:
    """The lighting vector of each face.

    crops    (n, 64, 64, 3) uint8 sRGB: CROP_BOX of an aligned image, halved
    yaw      (n,) degrees, > 0 = nose to the viewer's right; nan or None: taken as frontal
    returns  (n, d) float32, the odd numbers first
    raises   ValueError for other shapes or types
    """
    crops = np.asarray(crops)
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(
            f"crops are {crops.dtype} {crops.shape}, expected uint8 (n, {SIZE}, {SIZE}, 3)"
        )
    n = len(crops)
    turned = np.zeros(n) if yaw is None else np.nan_to_num(np.asarray(yaw, dtype=np.float64))
    if turned.shape != (n,):
        raise ValueError(f"yaw has shape {turned.shape}, expected ({n},)")
    log_light = np.log(_srgb_to_linear()[crops] @ LUMINANCE + FLOOR).reshape(n, -1)
    cells = (log_light @ _pooling()).reshape(n, 2, N_CELLS)  # left half, right half
    lean = cells[:, 1] - cells[:, 0]
    level = cells.mean(axis=1) - cells.mean(axis=(1, 2))[:, None]
    rows = lean.reshape(n, ROWS, HALF_COLUMNS).mean(axis=2)
    # A side is a side however strong: the squashed lean says which, the plain one how much.
    squashed = np.tanh(2 * rows)
    overall = lean.mean(axis=1, keepdims=True)
    shape = (log_light - log_light.mean(axis=1, keepdims=True)) @ _harmonics()
    curve = shape[:, EVEN_HARMONICS]
    # Yaw is the main confounder: a turned head is darker on its far side under any light.
    turn = np.sin(np.radians(turned))[:, None]
    odd = [lean, squashed, rows * np.abs(turn), shape[:, ODD_HARMONICS]]
    odd += [turn, turn * np.abs(turn), turn * curve]
    even = [level, np.abs(rows), np.abs(squashed), curve]
    even += [np.abs(lean).mean(axis=1, keepdims=True), np.abs(overall), overall**2]
    even += [turn**2, turn * overall]
    return np.concatenate([*odd, *even], axis=1).astype(np.float32)


def mirror(features: np.ndarray) -> np.ndarray:
    """The vectors of the mirrored faces: extract(flipped, yaw=-yaw) == mirror(extract(face))."""
    return features * mirror_signs()


@lru_cache(1)
def mirror_signs() -> np.ndarray:
    """What mirroring does to each number: (d,) of -1 (odd) and 1 (even)."""
    return np.repeat(np.array([-1, 1], dtype=np.float32), [N_ODD, N_EVEN])


def side_contrast(features: np.ndarray) -> np.ndarray:
    """How much brighter the viewer's right half of the face is: (n,) mean log-light difference."""
    return features[:, :N_CELLS].mean(axis=1)


@lru_cache(1)
def _srgb_to_linear() -> np.ndarray:
    """Light per sRGB byte (256,), IEC 61966-2-1."""
    coded = np.arange(256) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _places() -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel lies on the face: x and y, (64, 64) each, -1..1 across its ellipse."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    return (x - (SIZE - 1) / 2) / RADIUS_X, (y - CENTER_Y) / RADIUS_Y


@lru_cache(1)
def _pooling() -> np.ndarray:
    """Weights (4096, 2 * N_CELLS) that average the face's pixels per cell of either half-face."""
    x, y = _places()
    inside = x**2 + y**2 <= 1
    column = np.minimum((np.abs(x) * HALF_COLUMNS).astype(int), HALF_COLUMNS - 1)
    row = np.clip(((y + 1) / 2 * ROWS).astype(int), 0, ROWS - 1)
    cell = (x > 0) * N_CELLS + row * HALF_COLUMNS + column
    weights = np.zeros((SIZE * SIZE, 2 * N_CELLS))
    weights[np.flatnonzero(inside), cell[inside]] = 1
    return (weights / np.maximum(weights.sum(axis=0), 1)).astype(np.float32)


@lru_cache(1)
def _harmonics() -> np.ndarray:
    """Weights (4096, 8) that fit second-order spherical harmonics to log-light on an ellipsoid.

    Nine of them hold over 99% of Lambertian shading (Basri & Jacobs 2003); the ninth, the
    constant, is exposure and is left out.
    """
    x, y = _places()
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    inside = (z**2 >= 0.05).ravel()
    harmonics = [x, x * y, x * z, y, z, y * z, 3 * z**2 - 1, x**2 - y**2, np.ones_like(x)]
    basis = np.stack(harmonics).reshape(9, -1)[:, inside]
    ridge = 0.01 * basis.shape[1] * np.eye(9)
    weights = np.zeros((SIZE * SIZE, 8))
    weights[inside] = np.linalg.solve(basis @ basis.T + ridge, basis)[:8].T
    return weights.astype(np.float32)

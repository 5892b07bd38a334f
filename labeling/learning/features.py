"""Numbers that say where the light comes from, read off CelebA's 64 x 64 face crop.

The face is read at points of an average head that its yaw and landmarks place in the picture, so
that a turned head's cheek is still its cheek. Every number is either odd (the mirrored face has its
negative) or even (the mirrored face has the same), so mirroring a face is flipping signs: what ties
a classifier's left to its right.
"""

from functools import lru_cache

import numpy as np

from labeling.learning.looking import (
    FACE_MIDDLE_Y,
    FACE_RADII,
    FLOOR,
    MOST_YAW,
    SIZE,
    Look,
    look,
    right_half,
)

# Changes whenever a vector would: cached vectors and classifiers of another version are not used.
VERSION = "light-2"

HALF_COLUMNS, ROWS = 4, 8
N_CELLS = HALF_COLUMNS * ROWS
# Parts of a half face, by distance from its middle and height: x from, x to, y from, y to.
PARTS = np.array(
    [
        (22, 50, 12, 50),  # cheek
        (0, 16, 12, 42),  # nose
        (10, 26, 20, 55),  # where the nose throws its shadow
        (0, 45, -55, -22),  # forehead
        (0, 30, 72, 110),  # chin
        (0, 30, 50, 72),  # mouth
        (10, 45, -15, 12),  # eye
    ]
)
# How dark a shadow is, in log-light below the face's bright places.
SHADOWS = (-0.7, -1.5, -2.3)
# The places of _harmonics that change their sign in the mirror (x, xy, xz), and the rest.
ODD_HARMONICS, EVEN_HARMONICS = slice(0, 3), slice(3, 8)


def extract(
    crops: np.ndarray, *, yaw: np.ndarray | None = None, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """The lighting vector of each face.

    crops      (n, 64, 64, 3) uint8 sRGB: CROP_BOX of an aligned image, halved
    yaw        (n,) degrees, > 0 = nose to the viewer's right; nan or None: taken as frontal
    landmarks  (n, 5, 2) pixels of the aligned image, in CelebA's order; nan or None: where the
               alignment puts them
    returns    (n, d) float32, the odd numbers first
    raises     ValueError for other shapes or types
    """
    odd, even = _numbers(look(*_checked(crops, yaw, landmarks)))
    return np.concatenate([odd, even], axis=1).astype(np.float32)


def mirror(features: np.ndarray) -> np.ndarray:
    """The vectors of the mirrored faces: extract(flipped, yaw=-yaw) == mirror(extract(face))."""
    return features * mirror_signs()


@lru_cache(1)
def mirror_signs() -> np.ndarray:
    """What mirroring does to each number: (d,) of -1 (odd) and 1 (even)."""
    grey = np.full((1, SIZE, SIZE, 3), 128, dtype=np.uint8)
    odd, even = _numbers(look(*_checked(grey, None, None)))
    return np.repeat(np.array([-1, 1], dtype=np.float32), [odd.shape[1], even.shape[1]])


def side_contrast(features: np.ndarray) -> np.ndarray:
    """How much brighter the viewer's right half of the face is: (n,), in its own contrast."""
    return features[:, :N_CELLS].mean(axis=1)


def _checked(
    crops: np.ndarray, yaw: np.ndarray | None, landmarks: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    crops = np.asarray(crops)
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(
            f"crops are {crops.dtype} {crops.shape}, expected uint8 (n, {SIZE}, {SIZE}, 3)"
        )
    n = len(crops)
    turned = np.zeros(n) if yaw is None else np.nan_to_num(np.asarray(yaw, dtype=np.float64))
    if turned.shape != (n,):
        raise ValueError(f"yaw has shape {turned.shape}, expected ({n},)")
    points = np.full((n, 5, 2), np.nan) if landmarks is None else np.asarray(landmarks, np.float64)
    if points.shape != (n, 5, 2):
        raise ValueError(f"landmarks have shape {points.shape}, expected ({n}, 5, 2)")
    return crops, np.clip(turned, -MOST_YAW, MOST_YAW), points


def _numbers(view: Look) -> tuple[np.ndarray, np.ndarray]:
    """The odd and the even numbers of faces: (n, d_odd) and (n, d_even)."""
    mean = (view.light * view.share).sum(axis=1, keepdims=True)
    spread = np.sqrt((view.share * (view.light - mean) ** 2).sum(axis=1, keepdims=True))
    # In the face's own contrast: what camera and film did to it falls out.
    relief = (view.light - mean) / (spread + 0.15)
    left, right = np.split(relief, 2, axis=1)
    seen_left, seen_right = np.split(view.seen, 2, axis=1)
    both = np.minimum(seen_left, seen_right)
    lean = _pooled(right - left, both, _cells())
    level = _pooled((right + left) / 2, both, _cells())
    parts = _pooled(right - left, both, _parts())
    rows = lean.reshape(-1, ROWS, HALF_COLUMNS).mean(axis=2)
    half = _mean(right, seen_right) - _mean(left, seen_left)
    shape, misfit = _harmonics(relief, view)
    plain, plain_misfit = _harmonics(np.exp(view.light) - FLOOR, view)
    curve = shape[:, EVEN_HARMONICS]
    toward, height = _direction(shape)
    plain_toward, plain_height = _direction(plain)
    shadow_lean, shadow = _shadows(view)
    # Yaw is the main confounder: a turned head is darker on its far side under any light.
    turn = np.sin(np.radians(view.yaw))[:, None]
    away, contrast = np.abs(turn), np.log(spread + 0.05)
    # A side is a side however strong: the squashed lean says which, the plain one how much.
    odd = [lean, np.tanh(2 * rows), parts, np.tanh(3 * parts), half, shadow_lean]
    odd += [shape[:, ODD_HARMONICS], plain[:, ODD_HARMONICS], toward, plain_toward]
    odd += [turn, turn * away, turn * curve[:, :2], rows * away, half * away, toward * away]
    odd += [half * contrast, toward * contrast, plain_toward * contrast]
    even = [level, np.abs(rows), np.abs(parts), np.abs(half), half**2, shadow, np.abs(shadow_lean)]
    even += [curve, plain[:, EVEN_HARMONICS], height, plain_height, misfit, plain_misfit]
    even += [np.abs(toward), np.abs(plain_toward), toward**2, plain_toward**2, contrast, turn**2]
    even += [turn * half, turn * toward, turn * plain_toward]
    even += [np.abs(half) * contrast, np.abs(toward) * contrast]
    return np.concatenate(odd, axis=1), np.concatenate(even, axis=1)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return (values * weights).sum(axis=1, keepdims=True) / total


def _pooled(values: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Means (n, g) over groups (g, half the points) of 0 and 1; what is hardly seen fades to 0."""
    return (values * weights) @ groups.T / (weights @ groups.T + 0.05)


def _harmonics(values: np.ndarray, view: Look) -> tuple[np.ndarray, np.ndarray]:
    """Second-order spherical harmonics (n, 8) that fit values on the head, and their misfit (n, 1).

    Nine of them hold over 99% of Lambertian shading (Basri & Jacobs 2003); the ninth, the
    constant, is exposure and is left out.
    """
    x, y, z = np.moveaxis(view.normals, 2, 0)
    basis = np.stack([x, x * y, x * z, y, z, y * z, 3 * z**2 - 1, x**2 - y**2, 0 * x + 1], axis=2)
    weighted = basis * view.share[..., None]
    ridge = np.diag([0.003] * 8 + [0.00003])
    gram = weighted.transpose(0, 2, 1) @ basis + ridge  # (n, 9, 9)
    fitted = np.linalg.solve(gram, weighted.transpose(0, 2, 1) @ values[..., None])
    misfit = view.share * (values - (basis @ fitted)[..., 0]) ** 2
    return fitted[:, :8, 0], np.sqrt(misfit.sum(axis=1, keepdims=True))


def _direction(harmonics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where first-order light comes from: sine of its bearing in space and on the floor (n, 2);
    its height and its share from the front (n, 2)."""
    x, y, z = harmonics[:, 0], harmonics[:, 3], harmonics[:, 4]
    whole = np.sqrt(x**2 + y**2 + z**2 + 0.02)
    floor = np.sqrt(x**2 + np.maximum(z, 0) ** 2 + 0.01)
    return np.stack([x / whole, x / floor], axis=1), np.stack([y / whole, z / whole], axis=1)


def _shadows(view: Look) -> tuple[np.ndarray, np.ndarray]:
    """How much more of the right half lies in shadow, and how much of the face: (n, 3) each."""
    lean, whole = [], []
    seen_left, seen_right = np.split(view.seen, 2, axis=1)
    for level in SHADOWS:
        dark = 1 / (1 + np.exp(4 * (view.light - level)))
        left, right = np.split(dark, 2, axis=1)
        lean.append(_mean(right, seen_right) - _mean(left, seen_left))
        whole.append(_mean(dark, view.seen))
    return np.concatenate(lean, axis=1), np.concatenate(whole, axis=1)


@lru_cache(1)
def _cells() -> np.ndarray:
    """Which points of a half face lie in which cell: (N_CELLS, p / 2) of 0 and 1."""
    x, y, _ = right_half().T
    column = np.minimum((x / FACE_RADII[0] * HALF_COLUMNS).astype(int), HALF_COLUMNS - 1)
    top = FACE_MIDDLE_Y - FACE_RADII[1]
    row = np.clip(((y - top) / (2 * FACE_RADII[1]) * ROWS).astype(int), 0, ROWS - 1)
    return (np.arange(N_CELLS)[:, None] == row * HALF_COLUMNS + column).astype(np.float64)


@lru_cache(1)
def _parts() -> np.ndarray:
    """Which points of a half face lie in which of PARTS: (len(PARTS), p / 2) of 0 and 1."""
    x, y, _ = right_half().T
    from_x, to_x, from_y, to_y = PARTS.T[:, :, None]
    return ((x >= from_x) & (x < to_x) & (y >= from_y) & (y < to_y)).astype(np.float64)

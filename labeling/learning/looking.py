"""Where the points of an average head lie in a face's crop, and how much light is seen there."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SIZE = 64
# The crop's box in an aligned 178 x 218 image: left, top, right, bottom.
CROP_BOX = (25, 45, 153, 173)
ALIGNED_SIZE = (178, 218)
# Of a face's bright places: keeps the logarithm, and with it the noise of deep shadow, small.
FLOOR = 0.03
MOST_YAW = 60.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# Millimetres between the pupils, and where CelebA's alignment puts them in the crop.
EYES_APART, EYES_APART_PIXELS, EYES_MIDDLE = 63.0, 19.5, 31.5 + 32.75j
# CelebA's five landmarks on an average head: x to the viewer's right, y down, z to the camera, mm.
LANDMARKS = np.array([[-31.5, 0, 0], [31.5, 0, 0], [0, 38, 35], [-25, 68, 12], [25, 68, 12]])
# An ellipsoid for the face: middle and radii in the same frame, and where the face ends on it.
MIDDLE, RADII = np.array([0.0, 24.0, -75.0]), np.array([68.0, 100.0, 85.0])
FACE_MIDDLE_Y, FACE_RADII = 26.0, (60.0, 80.0)
POINT_SPACING = 5.0


@dataclass(frozen=True)
class Look:
    """Faces as seen at the head's points, the left half of the face first, then the right.

    light    (n, p) log-light over the face's bright places
    share    (n, p) how much of the visible face a point stands for; sums to 1
    seen     (n, p) 1 where a point faces the camera, 0 behind the horizon
    normals  (n, p, 3) in the camera's frame
    yaw      (n,) degrees
    """

    light: np.ndarray
    share: np.ndarray
    seen: np.ndarray
    normals: np.ndarray
    yaw: np.ndarray


def look(crops: np.ndarray, yaw: np.ndarray, landmarks: np.ndarray) -> Look:
    """See each crop (n, 64, 64, 3) at the points of a head turned by yaw (n,) degrees.

    landmarks  (n, 5, 2) pixels of the aligned image; nan: where the alignment puts them
    """
    points, normals = _head()
    turns = _turns(yaw)
    grow, shift = _placing(turns, yaw, landmarks)
    at = np.einsum("nij,pj->npi", turns[:, :2], points)
    at = grow[:, None] * (at[..., 0] + 1j * at[..., 1]) + shift[:, None]
    facing = np.einsum("nij,pj->npi", turns, normals)
    light = _read(_softened(_srgb_to_linear()[crops] @ LUMINANCE), at.real, at.imag)
    inside = (np.abs(at.real - 31.5) <= 32) & (np.abs(at.imag - 31.5) <= 32)
    seen = np.clip((facing[..., 2] - 0.05) / 0.3, 0, 1) * inside
    bright = np.quantile(light, 0.9, axis=1, keepdims=True) + 1e-3
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1e-9)
    return Look(np.log(light / bright + FLOOR), share, seen, facing, yaw)


def _turns(yaw: np.ndarray) -> np.ndarray:
    """Rotations (n, 3, 3) from the head's frame to the camera's."""
    angle = np.radians(yaw)
    cos, sin, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 0 * angle + 1
    return np.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], axis=1).reshape(-1, 3, 3)


def _placing(
    turns: np.ndarray, yaw: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Complex a and b (n,) for which a crop's pixel x + iy is a * (head's x + iy, turned) + b.

    Least squares over the landmarks: size, roll and place. Landmarks that are missing or make no
    face leave the alignment's own.
    """
    usual = EYES_APART_PIXELS / (EYES_APART * np.cos(np.radians(yaw)))
    model = np.einsum("nij,pj->npi", turns[:, :2], LANDMARKS)
    model = model[..., 0] + 1j * model[..., 1]
    left, top, right, _ = CROP_BOX
    halved = (landmarks + 0.5 - (left, top)) * SIZE / (right - left) - 0.5
    found = halved[..., 0] + 1j * halved[..., 1]
    off = model - model.mean(axis=1, keepdims=True)
    grow = (off.conj() * found).sum(axis=1) / (np.abs(off) ** 2).sum(axis=1)
    shift = found.mean(axis=1) - grow * model.mean(axis=1)
    is_face = (np.abs(grow - usual) < 0.4 * usual) & (np.abs(shift - EYES_MIDDLE) < 12)
    return np.where(is_face, grow, usual), np.where(is_face, shift, EYES_MIDDLE)


def _softened(light: np.ndarray) -> np.ndarray:
    """Light (n, 64, 64), each pixel the mean of the nine around it."""
    edged = np.pad(light, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = edged[:, :, :-2] + edged[:, :, 1:-1] + edged[:, :, 2:]
    return (across[:, :-2] + across[:, 1:-1] + across[:, 2:]) / 9


def _read(light: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Light (n, p) at pixels x, y (n, p), between pixels in proportion."""
    x, y = np.clip(x, 0, SIZE - 1), np.clip(y, 0, SIZE - 1)
    column, row = (np.minimum(at.astype(int), SIZE - 2) for at in (x, y))
    right, down = x - column, y - row
    first = (np.arange(len(light)) * SIZE * SIZE)[:, None] + row * SIZE + column
    flat = light.ravel()
    upper = flat[first] * (1 - right) + flat[first + 1] * right
    lower = flat[first + SIZE] * (1 - right) + flat[first + SIZE + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)


@lru_cache(1)
def _srgb_to_linear() -> np.ndarray:
    """Light per sRGB byte (256,), IEC 61966-2-1."""
    coded = np.arange(256) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@lru_cache(1)
def right_half() -> np.ndarray:
    """Points (p / 2, 3) in mm on the right half of the face."""
    x, y = np.meshgrid(np.arange(2.5, 60, POINT_SPACING), np.arange(-50, 102, POINT_SPACING))
    across, down = (x - MIDDLE[0]) / RADII[0], (y - MIDDLE[1]) / RADII[1]
    depth = 1 - across**2 - down**2
    on_face = (x / FACE_RADII[0]) ** 2 + ((y - FACE_MIDDLE_Y) / FACE_RADII[1]) ** 2 <= 1
    kept = on_face & (depth >= 0.1)
    z = MIDDLE[2] + RADII[2] * np.sqrt(depth[kept])
    return np.column_stack([x[kept], y[kept], z])


@lru_cache(1)
def _head() -> tuple[np.ndarray, np.ndarray]:
    """Points and unit normals (p, 3) of the face: the left half, then the right, in one order."""
    right = right_half()
    slope = (right - MIDDLE) / RADII**2
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    flip = np.array([-1.0, 1.0, 1.0])
    return np.concatenate([right * flip, right]), np.concatenate([slope * flip, slope])

"""Where the parts of a face lie, guessed from its five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.regions import to_unit

Points = NDArray[np.float64]
ROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
# Sizes below count eye distances to the side and eye-to-mouth distances downward, from the middle
# between the eyes; set by hand on CelebA's mean face.
EYE, BROW, MOUTH = (0.34, 0.2), (0.4, 0.14), (0.52, 0.26)
BROW_ABOVE = 0.4
NOSTRILS = [(0.34, -0.02), (0.26, 0.2), (-0.26, 0.2), (-0.34, -0.02)]  # from the nose's tip
FACE, HEAD = (1.08, 1.32), (1.5, 1.95)
MIDDLE_OF_HEAD = 0.35
CHIN = [(-0.6, 1.3), (0.6, 1.3), (0.5, 1.62), (0.25, 1.8), (-0.25, 1.8), (-0.5, 1.62)]
NAMES = ("eyes", "brows", "nose", "mouth", "chin", "hair", "background")


def proposed(landmarks: Sequence[float]) -> list[dict[str, Any]]:
    """Regions of a face, each {"name", "shapes"} in the crop's unit coordinates.

    landmarks  x, y of left eye, right eye, nose, left and right corner of the mouth, in pixels of
               the aligned picture
    raises     ValueError for landmarks that span no face, such as all on one line
    """
    left_eye, right_eye, nose, left_mouth, right_mouth = to_unit(landmarks)
    origin = (left_eye + right_eye) / 2
    mouth = (left_mouth + right_mouth) / 2
    frame = np.stack([right_eye - left_eye, mouth - origin])  # rows: one to the side, one down
    if abs(np.linalg.det(frame)) < 1e-3:
        raise ValueError(f"The landmarks {list(landmarks)} lie on one line; mark regions by hand.")

    def at(points: Points | Sequence[tuple[float, float]]) -> Points:
        return origin + np.asarray(points, np.float64) @ frame

    tip = np.linalg.solve(frame.T, nose - origin)
    corners = np.stack([left_mouth, right_mouth]) - origin
    half_mouth = np.ptp(np.linalg.solve(frame.T, corners.T)[0]) / 2
    sides = (-0.5, 0.5)
    # The hair hangs as far as the ears, which lie level with the middle of the head.
    above = np.linspace(np.pi, 2 * np.pi, 25)
    x, y = tip
    # As the nose points to one side, the head lies on the other side of the eyes.
    middle = (-x, MIDDLE_OF_HEAD)
    ring = [*_oval(*middle, HEAD, above), *_oval(*middle, FACE, above)[::-1]]
    sketch = {
        "eyes": [at(_oval(side, 0, EYE)) for side in sides],
        "brows": [at(_oval(side, -BROW_ABOVE, BROW)) for side in sides],
        "nose": [
            at([(-0.12, 0.1), (0.12, 0.1), *((x + dx, y + dy) for dx, dy in NOSTRILS)]),
        ],
        "mouth": [at(_oval(0, 1.03, (max(half_mouth, 0.25) * MOUTH[0] / 0.41, MOUTH[1])))],
        "chin": [at(CHIN)],
        "hair": [at(ring)],
        "background": [_around(at(_oval(*middle, HEAD)))],
    }
    return [
        {"name": name, "shapes": shapes}
        for name in NAMES
        if (shapes := [_polygon(points) for points in sketch[name] if _is_seen(points)])
    ]


def _oval(x: float, y: float, half: tuple[float, float], angles: Points = ROUND) -> Points:
    return np.stack([x + half[0] * np.cos(angles), y + half[1] * np.sin(angles)], axis=1)


def _around(hole: Points) -> Points:
    """All of the crop but the hole: along the edge, in through a slit, and back round the hole."""
    inside = hole.clip(0, 1)
    start = int(np.argmin(inside.sum(axis=1)))  # nearest to the corner that the edge starts from
    hole_back = np.roll(inside, -start, axis=0)[::-1]
    edge = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], np.float64)
    return np.concatenate([edge, hole_back[-1:], hole_back])


def _is_seen(points: Points) -> bool:
    """Whether something of the shape lies in the crop: a chin may be below its edge."""
    return bool(np.all(np.ptp(points.clip(0, 1), axis=0) > 0.01))


def _polygon(points: Points) -> dict[str, Any]:
    return {"kind": "polygon", "points": points.clip(0, 1).round(4).tolist()}

"""CelebA's five landmarks of a rendered face, from points on its own surface."""

# numba infers the types of compiled functions from their first call
# mypy: disallow-untyped-defs=False

import numpy as np
from numba import njit

from lightstage.camera import camera_for
from lightstage.people import Person, Shot
from lightstage.scene import build_scene
from lightstage.surface import head_distance, mouth_bend


@njit(cache=True, fastmath=True)
def _surface_z(x, y, g):
    """z of the skin in front of (x, y), looking along the head's own z axis."""
    z = 90.0
    for _ in range(200):
        d = head_distance(x, y, z, g)
        if d < 0.05 or z < -60.0:
            break
        z -= d
    return z


@njit(cache=True, fastmath=True)
def _points(g, points):
    corner_y = g.mouth_y + mouth_bend(g.mouth_w, g)
    places = (
        (-g.eye_x, 0.0),
        (g.eye_x, 0.0),
        (0.0, g.nose_y - 1.0),
        (-g.mouth_w, corner_y),
        (g.mouth_w, corner_y),
    )
    for k in range(5):
        x, y = places[k]
        points[k, 0] = x
        points[k, 1] = y
        points[k, 2] = 0.0 if k < 2 else _surface_z(x, y, g)


def landmarks(person: Person, shot: Shot) -> np.ndarray:
    """Pixels (5, 2) in CelebA's order: left eye, right eye, nose, left and right mouth corner.

    "left" is the left of the image; (0, 0) is the middle of the top left pixel.
    """
    points = np.empty((5, 3))
    _points(build_scene(person, shot), points)
    return camera_for(person, shot).project(points)

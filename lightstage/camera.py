"""A weak-perspective camera that puts the eyes where CelebA's alignment puts them."""

import math
from dataclasses import dataclass

import numpy as np

from lightstage.people import Person, Shot

WIDTH, HEIGHT = 178, 218
# CelebA's aligned images have the pupils here, one pixel more or less
LEFT_EYE, RIGHT_EYE = (69.0, 111.0), (108.0, 111.0)


@dataclass(frozen=True)
class Camera:
    """pixel = (scale * roll @ (rotation @ point_mm))[:2] + eyes; rotation and roll are (3, 3)."""

    rotation: np.ndarray
    roll: np.ndarray
    scale: float  # px per mm; grows by 1 / cos(yaw), as in CelebA
    eyes_x: float
    eyes_y: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (n, 2) of head-frame points (n, 3) in mm."""
        seen = points @ (self.roll @ self.rotation).T
        return seen[:, :2] * self.scale + (self.eyes_x, self.eyes_y)


def turned(yaw_degrees: float, pitch_degrees: float = 0.0) -> np.ndarray:
    """Rotation (3, 3) from head to camera; positive: the nose goes to the viewer's right, up."""
    yaw, pitch = math.radians(yaw_degrees), math.radians(pitch_degrees)
    about_y = np.array(
        [
            [math.cos(yaw), 0, math.sin(yaw)],
            [0, 1, 0],
            [-math.sin(yaw), 0, math.cos(yaw)],
        ]
    )
    about_x = np.array(
        [
            [1, 0, 0],
            [0, math.cos(pitch), -math.sin(pitch)],
            [0, math.sin(pitch), math.cos(pitch)],
        ]
    )
    return about_y @ about_x


def camera_for(person: Person, shot: Shot) -> Camera:
    """The camera of one shot: eyes on CelebA's places up to the shot's jitter."""
    roll = math.radians(shot.roll_degrees)
    seen_distance = person.eye_distance * math.cos(math.radians(shot.yaw_degrees))
    return Camera(
        rotation=turned(shot.yaw_degrees, shot.pitch_degrees),
        roll=np.array(
            [
                [math.cos(roll), -math.sin(roll), 0],
                [math.sin(roll), math.cos(roll), 0],
                [0, 0, 1],
            ]
        ),
        scale=(RIGHT_EYE[0] - LEFT_EYE[0]) / seen_distance * shot.jitter_scale,
        eyes_x=(LEFT_EYE[0] + RIGHT_EYE[0]) / 2 + shot.jitter_x,
        eyes_y=LEFT_EYE[1] + shot.jitter_y,
    )

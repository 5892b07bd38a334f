"""Where the light stands, and which of the viewer's sides that is."""

import math

import numpy as np

# Up to here a light still reads as frontal; beyond it the nose's shadow and the
# darker cheek tell the side. The one place where the three classes are divided.
CENTER_DEGREES = 15.0


def side(azimuth_degrees: float, elevation_degrees: float = 0.0) -> str:
    """The viewer's side the light comes from: "left", "center" or "right".

    azimuth_degrees    > 0: from the viewer's right; center up to CENTER_DEGREES either way
    elevation_degrees  -90..90; does not move the light sideways, so it does not change the side
    """
    if not -90.0 <= elevation_degrees <= 90.0:
        raise ValueError(f"elevation is {elevation_degrees} degrees, expected -90 to 90")
    if abs(azimuth_degrees) <= CENTER_DEGREES:
        return "center"
    return "right" if azimuth_degrees > 0 else "left"


def light_direction(azimuth_degrees: float, elevation_degrees: float) -> np.ndarray:
    """Unit vector (3,) from the face to the light: x viewer's right, y down, z to the camera."""
    azimuth, elevation = math.radians(azimuth_degrees), math.radians(elevation_degrees)
    return np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            -math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ]
    )

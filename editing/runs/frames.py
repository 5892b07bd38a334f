"""What the frames of a turned face show: yaw, light, identity, and how far they went."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from editing.runs.measuring import Meter
from editing.runs.turning import Frames, Source


def told_of(
    frames: Frames, degrees: Sequence[float], source: Source, meter: Meter
) -> dict[str, Any]:
    """The measurements of each frame beside the photo's, and of all of them together."""
    seen, photo = meter.read(frames.x), meter.read(source.photo[None])
    turned = seen.yaw_degrees - photo.yaw_degrees[0]
    light_kept = None
    if seen.light is not None and photo.light is not None:
        light_kept = seen.light.argmax(axis=1) == photo.light[0].argmax()
    cosines = None
    if seen.identity is not None and photo.identity is not None:
        cosines = seen.identity @ photo.identity[0]
    told = []
    for at, wish in enumerate(degrees):
        told.append(
            {
                "degrees": wish,
                # Comparable with degrees: how far the head turned from where it looked.
                "achieved_yaw": round(float(turned[at]), 3),
                "yaw_degrees": round(float(seen.yaw_degrees[at]), 3),
                "light": meter.name_light(None if seen.light is None else seen.light[at]),
                "identity": None
                if cosines is None
                else identity_told(meter, float(cosines[at]), float(turned[at])),
                "step": round(float(frames.step[at]), 3),
                "across": round(float(frames.across[at]), 4),
                "shell": round(float(frames.shell[at]), 4),
                "rounds": int(frames.rounds[at]),
                "is_clamped": bool(frames.is_clamped[at]),
            }
        )
    return {
        # In the campaign's order, which an object in the database does not keep.
        "choices": meter.values if seen.light is not None else [],
        "frames": told,
        "source_yaw": round(source.yaw_degrees, 3),
        "source_measured_yaw": round(float(photo.yaw_degrees[0]), 3),
        "source_light": meter.name_light(None if photo.light is None else photo.light[0]),
        "probe": meter.card(),
        "light_kept": None if light_kept is None else round(float(np.mean(light_kept)), 4),
        "yaw_mae": _error(turned, degrees),
        "identity": None if cosines is None else _nearest(told),
    }


def identity_told(meter: Meter, cosine: float, yaw_difference: float) -> dict[str, Any]:
    """A frame's likeness to the photo, and where it lies between the same person and strangers."""
    standing = meter.identity.likeness.standing(cosine, yaw_difference) if meter.identity else None
    rounded = {name: round(value, 4) for name, value in (standing or {}).items()}
    return {"cosine": round(cosine, 4), **rounded}


def _error(turned: Sequence[float], degrees: Sequence[float]) -> float | None:
    wishes = np.asarray(degrees, np.float64)
    off = np.abs(np.asarray(turned) - wishes)[wishes != 0]
    return round(float(off.mean()), 3) if len(off) else None


def _nearest(told: Sequence[dict[str, Any]]) -> float:
    """Share of the turned frames nearer to the photo than the median stranger is."""
    turned = [frame["identity"] for frame in told if frame["degrees"]] or [told[0]["identity"]]
    above = [one["cosine"] > one.get("different", -1.0) for one in turned]
    return round(float(np.mean(above)), 4)

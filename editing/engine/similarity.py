"""How like a source face others are: the light sharply, everything else gently.

Slopes local to the source were truer than global ones on rendered faces; on real ones a kernel
that was wide in the light gave its gain away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of P(right) - P(left), which runs from -1 to 1; beyond three widths a face is lit otherwise.
LIGHT_WIDTH = 0.25
MOST_WIDTHS = 3.0
# Each attribute that differs takes a fifth of a face's weight.
PER_ATTRIBUTE = 0.22
# In standard deviations of the tone over all faces.
TONE_WIDTH = 2.0
# Faces below this share of the largest weight are not read at all.
LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class Traits:
    """What faces are compared by; a trait that is not known of a face is None or NaN.

    light       (n,) P(right) - P(left)
    attributes  (n, a) 0 or 1
    tone        (n, t) mean brightness of hair and skin per channel, as the latent holds them
    """

    light: NDArray[np.float64]
    attributes: NDArray[np.float64]
    tone: NDArray[np.float64]


def likeness(
    faces: Traits,
    source: Traits,
    *,
    light_width: float = LIGHT_WIDTH,
    per_attribute: float = PER_ATTRIBUTE,
    tone_width: float = TONE_WIDTH,
) -> NDArray[np.float64]:
    """Weights (n,) of faces by how like one source (n = 1) they are; 0 where they hardly count.

    A trait the source lacks is left out. A face that is lit otherwise, or whose light is not known,
    counts nothing at all: what lies on the other side must not come in unseen.

    raises   ValueError if the traits do not match, or no face is lit like the source
    """
    if faces.attributes.shape[1] != source.attributes.shape[1] or (
        faces.tone.shape[1] != source.tone.shape[1]
    ):
        raise ValueError(
            f"Faces have {faces.attributes.shape[1]} attributes and {faces.tone.shape[1]} tones, "
            f"the source {source.attributes.shape[1]} and {source.tone.shape[1]}."
        )
    log = np.zeros(len(faces.light))
    if np.isfinite(source.light[0]):
        widths = np.abs(faces.light - source.light[0]) / light_width
        log = np.where(widths <= MOST_WIDTHS, -(widths**2) / 2, -np.inf)
        if np.isinf(log).all():
            raise ValueError(
                f"No face is lit like the source (P(right) - P(left) = {source.light[0]:.2f}) "
                f"within {MOST_WIDTHS * light_width:.2f}."
            )
    log -= per_attribute * np.nansum(np.abs(faces.attributes - source.attributes), axis=1)
    if faces.tone.shape[1] and np.isfinite(source.tone).all():
        spread = np.maximum(np.nanstd(faces.tone, axis=0), 1e-9)
        apart = (((faces.tone - source.tone) / spread) ** 2).mean(axis=1)
        log -= apart / tone_width**2 / 2
    weights: NDArray[np.float64] = np.exp(log - log.max())
    weights[weights < LEAST_WEIGHT] = 0
    return weights


def effective_count(weights: NDArray[np.float64]) -> float:
    """How many equally weighted faces would say as much (Kish)."""
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total else 0.0


def tone_shares(channels: int, height: int, width: int) -> NDArray[np.float64]:
    """Rows (2 * channels, d) that read mean hair and skin tone off a latent, the same mirrored.

    Hair: the upper fifth of the crop, middle half; skin: the middle of the face.
    """
    areas = np.zeros((2, height, width))
    areas[0, : height // 5, width // 4 : width - width // 4] = 1
    areas[1, height // 3 : (3 * height) // 4, width // 3 : width - width // 3] = 1
    areas /= np.maximum(areas.sum(axis=(1, 2), keepdims=True), 1)
    rows = np.zeros((2, channels, channels, height, width))
    for channel in range(channels):
        rows[:, channel, channel] = areas
    return rows.reshape(2 * channels, channels * height * width)

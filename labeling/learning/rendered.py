"""Rendered faces as lessons in light: features and true sides, over many lights and cameras.

What people's photographs vary in and the light stage does not is varied here: how round a face is,
how the camera answers to light, sharpness, noise, colour, and how well landmarks are placed.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from labeling.learning import features, looking
from labeling.learning.classifier import LightClassifier, fit
from labeling.learning.looking import CROP_BOX, SIZE
from lightstage.landmarks import landmarks
from lightstage.light import CENTER_DEGREES, light_direction
from lightstage.people import Shot, draw_person, draw_shot
from lightstage.render import render

CHOICES = ["left", "center", "right"]
FACES_PER_PERSON = 4
VARIANTS = 4
STREAM = 77
MOST_AZIMUTH = 100.0
# Lights so near the boundary teach nothing: on real faces they'd be anybody's guess.
DOUBTFUL_DEGREES = 2.5
# Of the stage's film (lightstage.render): what is undone to get back to light.
FILM_SPEED, FILM_GAMMA = 1.35, 2.2
# Predicted landmarks miss by about so many pixels of the aligned image.
LANDMARK_NOISE = 1.2
STAGE_MIDDLE = np.array([0.0, 26.0, -60.0])  # mm, of the ellipsoid that rounds a face
STAGE_RADII = np.array([72.0, 100.0])


def teach(
    n_faces: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> LightClassifier:
    """A classifier of the light's side that has seen rendered faces only.

    n_faces   rendered, each taken VARIANTS times by another camera
    progress  called with (faces rendered, n_faces)
    """
    vectors, sides, people = [], [], []
    for index in range(n_faces):
        rng = np.random.default_rng((seed, STREAM, index))
        identity, number = 1 + index // FACES_PER_PERSON, index % FACES_PER_PERSON
        side = index % 3
        person = draw_person(seed, identity)
        shot = _lit(draw_shot(seed, identity, number), side - 1, rng)
        light = _light_of(render(person, shot))
        taken = np.stack([_taken(_rounded(light, shot, rng), rng) for _ in range(VARIANTS)])
        points = landmarks(person, shot) + rng.normal(0, LANDMARK_NOISE, (VARIANTS, 5, 2))
        yaw = np.full(VARIANTS, shot.yaw_degrees)
        vectors.append(features.extract(taken, yaw=yaw, landmarks=points))
        sides += [side] * VARIANTS
        people += [identity] * VARIANTS
        if progress:
            progress(index + 1, n_faces)
    training = fit(
        np.concatenate(vectors),
        np.eye(3)[sides],
        mirror_of=np.array([2, 1, 0]),
        signs=features.mirror_signs(),
        identities=np.array(people),
        card={
            "feature_version": features.VERSION,
            "choices": CHOICES,
            "data": f"{n_faces} rendered faces of the light stage, seed {seed}, no real face",
            "n_votes": 0,
        },
    )
    return training.classifier


def _lit(shot: Shot, side: int, rng: np.random.Generator) -> Shot:
    """The shot under a light of this side (-1, 0, 1): often a hard one, from any height."""
    if side == 0:
        azimuth = (CENTER_DEGREES - DOUBTFUL_DEGREES) * rng.uniform(-1, 1)
    else:
        least = CENTER_DEGREES + DOUBTFUL_DEGREES
        azimuth = side * (least + (MOST_AZIMUTH - least) * rng.beta(1.0, 1.5))
    shot = replace(shot, azimuth_degrees=float(azimuth))
    if rng.random() < 0.4:
        return shot
    any_height = np.degrees(np.arcsin(rng.uniform(-0.75, 1)))
    height = any_height if rng.random() < 0.75 else rng.uniform(-45, 88)
    return replace(
        shot,
        elevation_degrees=float(height),
        # Below 0: a room darker than any on the stage.
        softness=float(-0.2 + 0.5 * rng.beta(1, 2.5)),
        exposure=float(np.exp(rng.normal(0, 0.45))),
    )


def _light_of(picture: np.ndarray) -> np.ndarray:
    """Light (64, 64, 3) that the stage's film saw in the crop of a picture."""
    small = Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BOX, CROP_BOX)
    coded = (np.asarray(small, dtype=np.float64) + 0.5) / 256
    return np.asarray(-np.log(1 - np.minimum(coded**FILM_GAMMA, 0.995)) / FILM_SPEED)


def _rounded(light: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """The face as if it curved away more than the stage's flat cheeks do, by a random measure."""
    turn = np.radians(shot.yaw_degrees)
    scale = looking.EYES_APART_PIXELS / looking.EYES_APART / np.cos(turn)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    middle = looking.EYES_MIDDLE
    x = (x - middle.real - STAGE_MIDDLE[2] * np.sin(turn) * scale) / (STAGE_RADII[0] * scale)
    y = (y - middle.imag - STAGE_MIDDLE[1] * scale) / (STAGE_RADII[1] * scale)
    inward = np.minimum(1, 0.97 / np.maximum(np.hypot(x, y), 1e-6))
    x, y = x * inward, y * inward
    normals = np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=2)
    source = light_direction(shot.azimuth_degrees, shot.elevation_degrees)
    # The stage's key and ambient light: lightstage.scene.
    key, ambient = 1.55 - 0.75 * shot.softness, max(0.09 + 0.42 * shot.softness, 0.01)
    shading = np.maximum(normals @ source, 0) * key + ambient
    frontal = max(source[2], 0) * key + ambient
    power = rng.uniform(0, 1)
    return np.asarray(light * (np.clip(shading / frontal, 0.05, 4) ** power)[..., None])


def _taken(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light (64, 64, 3) as a camera of unknown make has it: uint8."""
    if rng.random() < 0.5:
        light = np.repeat((light @ (0.25, 0.6, 0.15))[..., None], 3, axis=2)
    if rng.random() < 0.5:
        light = np.maximum(light - rng.uniform(0, 0.5) * np.quantile(light, 0.01), 0)
    face = np.quantile(light[12:60, 14:50], 0.95)
    light = light / face * np.exp(rng.normal(-0.3, 0.3))
    # Film rolls off, a sensor clips; its code runs from linear to more than a screen's.
    seen = 1 - np.exp(-FILM_SPEED * light) if rng.random() < 0.4 else np.minimum(light, 1)
    coded = seen ** (1 / rng.uniform(1.0, 2.6))
    picture = Image.fromarray((255 * coded).astype(np.uint8))
    if rng.random() < 0.5:
        width = int(rng.integers(28, SIZE))
        picture = picture.resize((width, width), Image.Resampling.BOX)
        picture = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    noisy = np.asarray(picture) + 255 * rng.normal(0, rng.uniform(0, 0.015), light.shape)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)

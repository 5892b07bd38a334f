"""Faces to learn by and to be asked about: each side in many ways, and some that nobody can tell.

The same seed gives the same pictures. Sides are the viewer's, as everywhere on the stage.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lightstage.light import side
from lightstage.people import Person, Shot, draw_person, draw_shot
from lightstage.render import render

UNSURE = "unsure"
_EXAMPLES, _QUIZ = 1, 2  # people of the examples are never asked about in the quiz
# yaw, azimuth and softness for a light from the viewer's right; the left is its mirror. The light
# stays on the same side of the nose as of the picture: a turned head is no trick question.
_EXAMPLE_SIDE = {
    "clear": (-2, 58, 0.08),
    "soft": (-3, 42, 0.6),
    "away": (-27, 46, 0.15),
    "towards": (22, 74, 0.1),
}
_EXAMPLE_CENTER = {"clear": (2, 0), "above": (-4, 3), "slight": (3, 9), "turned": (-24, -4)}
_QUIZ_SIDE = (
    (0, 60, 0.15), (-3, 46, 0.25), (5, 52, 0.3), (-12, 50, 0.45), (10, 64, 0.1), (-20, 40, 0.3),
    (15, 70, 0.15), (-28, 46, 0.2), (20, 76, 0.1), (-37, 40, 0.3), (26, 80, 0.05),
)  # fmt: skip
_QUIZ_CENTER = (
    (0, 0), (-4, 4), (6, -3), (-11, -2), (12, 3), (-18, -4),
    (19, 5), (-26, -6), (25, 2), (-33, -8), (31, 7),
)  # fmt: skip
_CANNOT_TELL = ("dark", "covered", "both", "pale")
_QUIZ_CANNOT_TELL = ("dark", "covered", "dark")


@dataclass(frozen=True)
class Lesson:
    """One picture with what is known of it.

    kind   why it is there: "clear", "soft", "turned", ..., or why nobody can tell
    truth  "left", "center", "right" or "unsure"
    """

    kind: str
    truth: str
    person: Person
    shot: Shot
    picture: np.ndarray  # uint8 (218, 178, 3)


def examples(seed: int) -> Iterator[Lesson]:
    """Four faces for each answer, in the order of a guide: the clear one first."""
    people = _people(seed, _EXAMPLES)
    for sign in (-1, 1):
        for kind, (yaw, azimuth, soft) in _EXAMPLE_SIDE.items():
            yield _lesson(kind, *next(people), sign * yaw, sign * azimuth, softness=soft)
    for kind, (yaw, azimuth) in _EXAMPLE_CENTER.items():
        above = 52.0 if kind == "above" else 14.0
        yield _lesson(kind, *next(people), yaw, azimuth, softness=0.4, elevation=above)
    for kind in _CANNOT_TELL:
        yield _untellable(kind, *next(people))


def quiz(seed: int) -> Iterator[Lesson]:
    """Eleven faces each of left, right and center over yaw -37..37, and three nobody can tell."""
    people = _people(seed, _QUIZ)
    for sign in (-1, 1):
        for yaw, azimuth, soft in _QUIZ_SIDE:
            yield _lesson("side", *next(people), sign * yaw, sign * azimuth, softness=soft)
    for place, (yaw, azimuth) in enumerate(_QUIZ_CENTER):
        above = (10.0, 30.0, 48.0)[place % 3]
        yield _lesson("center", *next(people), yaw, azimuth, softness=0.4, elevation=above)
    for kind in _QUIZ_CANNOT_TELL:
        yield _untellable(kind, *next(people))


def _people(seed: int, stream: int) -> Iterator[tuple[Person, Shot]]:
    """Somebody new each time, with a tame picture: nothing but the light is to be judged."""
    identity = 1000 * stream
    while True:
        identity += 1
        shot = draw_shot(seed, identity, 0)
        yield (
            draw_person(seed, identity),
            replace(
                shot,
                pitch_degrees=shot.pitch_degrees / 2,
                elevation_degrees=14.0,
                exposure=float(np.clip(shot.exposure, 0.95, 1.2)),
            ),
        )


def _lesson(
    kind: str,
    person: Person,
    shot: Shot,
    yaw: float,
    azimuth: float,
    *,
    softness: float,
    elevation: float = 14.0,
) -> Lesson:
    shot = replace(
        shot,
        yaw_degrees=float(yaw),
        azimuth_degrees=float(azimuth),
        elevation_degrees=elevation,
        softness=softness,
    )
    return Lesson(kind, side(azimuth), person, shot, render(person, shot))


def _untellable(kind: str, person: Person, shot: Shot) -> Lesson:
    yaw = float(np.clip(shot.yaw_degrees, -12, 12))
    shot = replace(shot, yaw_degrees=yaw, azimuth_degrees=3.0, softness=0.9)
    if kind == "both":
        shot = replace(shot, yaw_degrees=0.0, softness=0.0, elevation_degrees=5.0)
        picture = _from_both_sides(person, shot)
    elif kind == "covered":
        picture = _covered(render(person, shot))
    else:
        shot = replace(shot, exposure={"dark": 0.022, "pale": 9.0}[kind])
        picture = render(person, shot)
    return Lesson(kind, UNSURE, person, shot, picture)


def _from_both_sides(person: Person, shot: Shot) -> np.ndarray:
    """Two equal lights: the mean of both pictures in linear light."""
    two = [render(person, replace(shot, azimuth_degrees=at)) for at in (-84.0, 84.0)]
    linear = np.mean([(one / 255.0) ** 2.2 for one in two], axis=0)
    picture: np.ndarray = np.round(255 * (2.0 * linear).clip(0, 1) ** (1 / 2.2)).astype(np.uint8)
    return picture


def _covered(picture: np.ndarray) -> np.ndarray:
    """A sheet of paper held before the face, from the brows down."""
    image = Image.fromarray(picture)
    sheet = Image.new("L", image.size, 0)
    ImageDraw.Draw(sheet).rounded_rectangle((28, 96, 150, 232), radius=4, fill=255)
    sheet = sheet.rotate(-6, resample=Image.Resampling.BICUBIC).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    paper = Image.new("RGB", image.size, (203, 200, 191))
    ink = ImageDraw.Draw(paper)
    for row in range(112, 218, 11):
        ink.line((42, row - 6, 136, row + 4), fill=(160, 157, 150), width=2)
    return np.asarray(Image.composite(paper, image, sheet))

"""Who stands on the stage and how each picture is taken: seeded draws, no rendering."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lightstage.light import CENTER_DEGREES

YAW_LIMIT_DEGREES = 50.0
AZIMUTH_LIMIT_DEGREES = 80.0

PERSON_STREAM, SHOT_STREAM = 1, 2

# sRGB anchors from very fair to very deep skin; tones in between are interpolated
SKIN_TONES = np.array(
    [
        (240, 208, 190),
        (231, 190, 165),
        (221, 172, 141),
        (203, 151, 117),
        (178, 124, 90),
        (143, 95, 66),
        (108, 69, 48),
        (80, 50, 37),
    ],
    dtype=float,
)
HAIR_COLOURS = {
    "black": (26, 21, 20),
    "brown": (74, 47, 32),
    "blond": (178, 144, 102),
    "red": (132, 58, 30),
    "gray": (142, 140, 138),
}
EYE_COLOURS = (
    (62, 38, 22),
    (88, 56, 30),
    (104, 88, 48),
    (72, 98, 112),
    (96, 122, 142),
    (78, 104, 72),
)
HAIR_STYLES = ("bald", "buzz", "short", "medium", "long", "updo", "curly")

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Person:
    """One identity: lengths in mm in the head's frame, colours sRGB 0..255, the rest 0..1.

    head frame  origin between the pupils, x to the viewer's right, y down, z out of the face
    """

    identity: int
    is_male: bool
    age: float  # years
    skin: Colour
    skull_width: float
    skull_height: float
    face_width: float
    face_length: float  # factor on everything below the eyes
    jaw_width: float
    chin_width: float
    chin_forward: float
    cheek_fullness: float
    brow_ridge: float
    brow_height: float
    brow_thickness: float
    brow_tilt: float
    eye_distance: float
    eye_size: float
    eye_tilt: float
    eye_colour: Colour
    nose_width: float
    nose_length: float
    nose_projection: float
    nose_bridge: float
    lip_fullness: float
    mouth_width: float
    ear_size: float
    hair_style: str  # one of HAIR_STYLES
    hair_colour_name: str  # a key of HAIR_COLOURS
    hair: Colour
    hair_volume: float
    hair_length: float
    hairline: float  # y where the hair begins on the forehead: negative, up
    hair_part: float  # -1..1, side of the parting
    has_bangs: bool
    hair_wave: float
    beard: float
    mustache: float
    makeup: float
    wears_glasses: bool
    texture: float  # offset into the noise, so that no two skins share their spots


@dataclass(frozen=True)
class Shot:
    """One picture of somebody: angles in degrees, sides the viewer's, colours sRGB 0..255.

    yaw        > 0: the nose points to the viewer's right
    azimuth    > 0: the light comes from the viewer's right; elevation > 0: from above
    The light stands still relative to the camera: replace the yaw and only the head turns.
    """

    index: int
    yaw_degrees: float
    pitch_degrees: float
    roll_degrees: float
    azimuth_degrees: float
    elevation_degrees: float
    softness: float  # 0 a bare bulb in a dark room, 1 an overcast sky
    light_warmth: float  # -1 cold .. 1 warm
    exposure: float
    smile: float
    mouth_open: float
    eye_open: float
    gaze: float  # 1 looks into the camera whatever the yaw, 0 straight ahead
    has_glasses: bool
    glasses_shape: float
    glasses_colour: Colour
    body_yaw_degrees: float  # of the shoulders, at a frontal head
    cloth: Colour
    neckline: float
    background: str  # "plain", "gradient" or "blobs"
    background_colours: tuple[Colour, Colour, Colour]
    background_seed: int
    jitter_x: float  # px
    jitter_y: float
    jitter_scale: float


def _generator(*sequence: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(sequence)))


def _colour(values: Iterable[float]) -> Colour:
    red, green, blue = (float(np.clip(value, 0, 255)) for value in values)
    return red, green, blue


def _draw_skin(rng: np.random.Generator) -> tuple[float, Colour]:
    tone = float(np.clip(rng.beta(1.05, 1.7), 0, 1))
    place = tone * (len(SKIN_TONES) - 1)
    base = [np.interp(place, np.arange(len(SKIN_TONES)), channel) for channel in SKIN_TONES.T]
    return tone, _colour(np.array(base) * (1 + rng.normal(0, [0.015, 0.02, 0.03])))


def _draw_hair_colour(rng: np.random.Generator, tone: float, age: float) -> tuple[str, Colour]:
    if rng.random() < np.clip((age - 42) / 40, 0, 0.85):
        name = "gray"
    elif tone > 0.55:
        name = str(rng.choice(["black", "brown"], p=[0.8, 0.2]))
    else:
        name = str(rng.choice(["black", "brown", "blond", "red"], p=[0.25, 0.4, 0.27, 0.08]))
    shade = float(np.exp(rng.normal(0, 0.22)))
    if name == "gray":
        shade *= float(rng.uniform(0.8, 1.4))
    return name, _colour(np.array(HAIR_COLOURS[name]) * shade * (1 + rng.normal(0, 0.04, 3)))


def _draw_hair_style(rng: np.random.Generator, is_male: bool, tone: float, age: float) -> str:
    curly = 0.28 if tone > 0.62 else 0.06
    if is_male:
        bald = 0.05 + 0.2 * (age > 50)
        weights = [bald, 0.2, 0.6, 0.06, 0.03, 0.0, curly]
    else:
        weights = [0.0, 0.02, 0.1, 0.25, 0.45, 0.18, curly]
    return str(rng.choice(HAIR_STYLES, p=np.array(weights) / sum(weights)))


def _draw_face(rng: np.random.Generator, male: float, tone: float) -> dict[str, Any]:
    """The bones and features of a face: everything from the skull to the ears."""
    return {
        "skull_width": float(rng.normal(73 + 3 * male, 2.2)),
        "skull_height": float(rng.normal(87, 3.0)),
        "face_width": float(rng.normal(64 + 2.5 * male, 2.8)),
        "face_length": float(rng.normal(0.985 + 0.03 * male, 0.045)),
        "jaw_width": float(np.clip(rng.normal(23 + 6 * male, 3.0), 16, 37)),
        "chin_width": float(np.clip(rng.normal(17 + 6 * male, 3.0), 12, 30)),
        "chin_forward": float(rng.normal(0, 2.5)),
        "cheek_fullness": float(rng.beta(2, 2)),
        "brow_ridge": float(np.clip(rng.normal(1.0 + 3.0 * male, 1.2), 0, 6)),
        "brow_height": float(rng.normal(19.5 - 2.0 * male, 1.5)),
        "brow_thickness": float(np.clip(rng.normal(2.9 + 1.1 * male, 0.6), 1.7, 5.5)),
        "brow_tilt": float(rng.normal(0.12 - 0.1 * male, 0.1)),
        "eye_distance": float(rng.normal(63, 2.0)),
        "eye_size": float(np.clip(rng.normal(1.05 - 0.07 * male, 0.08), 0.82, 1.28)),
        "eye_tilt": float(rng.normal(0.04, 0.06)),
        "eye_colour": EYE_COLOURS[int(rng.integers(0, 2 if tone > 0.5 else len(EYE_COLOURS)))],
        "nose_width": float(np.clip(rng.normal(16 + 1.5 * male + 5 * tone, 1.8), 12, 25)),
        "nose_length": float(rng.normal(38.5 + male, 2.2)),
        "nose_projection": float(rng.normal(34 + 1.5 * male - 3 * tone, 2.2)),
        "nose_bridge": float(rng.normal(0, 1.8)),
        "lip_fullness": float(np.clip(rng.normal(0.92 - 0.16 * male + 0.4 * tone, 0.16), 0.5, 1.5)),
        "mouth_width": float(rng.normal(24.5 + 1.2 * male, 1.6)),
        "ear_size": float(rng.normal(1.0, 0.08)),
    }


@lru_cache(maxsize=4096)
def draw_person(seed: int, identity: int) -> Person:
    """The person behind an identity number: the same for the same seed, whatever else is drawn."""
    rng = _generator(seed, PERSON_STREAM, identity)
    is_male = bool(rng.random() < 0.46)
    male = 1.0 if is_male else 0.0
    age = float(np.clip(20 + rng.gamma(2.0, 10.0), 20, 80))
    tone, skin = _draw_skin(rng)
    style = _draw_hair_style(rng, is_male, tone, age)
    hair_name, hair = _draw_hair_colour(rng, tone, age)
    length = {"medium": rng.uniform(55, 100), "long": rng.uniform(125, 210)}.get(style, 0.0)
    volume = {
        "buzz": rng.uniform(2.5, 4.5),
        "updo": rng.uniform(5, 10),
        "curly": rng.uniform(16, 34),
    }
    receding = rng.uniform(8, 24) if is_male and rng.random() < (age - 25) / 70 else 0.0
    bearded = is_male and rng.random() < 0.45
    beard = float(rng.choice([rng.uniform(0.15, 0.4), rng.uniform(0.5, 1.0)])) if bearded else 0.0
    mustached = is_male and ((bearded and rng.random() < 0.8) or rng.random() < 0.08)
    return Person(
        identity=identity,
        is_male=is_male,
        age=age,
        skin=skin,
        **_draw_face(rng, male, tone),
        hair_style=style,
        hair_colour_name=hair_name,
        hair=hair,
        hair_volume=float(volume.get(style, rng.uniform(8, 20))),
        hair_length=float(length),
        hairline=float(rng.normal(-66, 5) - receding),
        hair_part=float(rng.choice([-1, 1]) * rng.uniform(0.1, 1.0)),
        has_bangs=bool(
            style in ("short", "medium", "long") and rng.random() < (0.12 if is_male else 0.3)
        ),
        hair_wave=float(rng.beta(1.2, 2.2)),
        beard=beard,
        mustache=float(rng.uniform(0.5, 1.0)) if mustached else 0.0,
        makeup=0.0 if is_male else float(rng.beta(1.2, 1.4)),
        wears_glasses=bool(rng.random() < 0.1 + 0.15 * (age > 45)),
        texture=float(rng.uniform(0, 1000)),
    )


def _draw_yaw(rng: np.random.Generator) -> float:
    """Near 0 mostly, with a tail that leaves some 4% of the faces beyond each of +-30 degrees."""
    while True:
        yaw = rng.normal(0, 12 if rng.random() < 0.6 else 28)
        if abs(yaw) <= YAW_LIMIT_DEGREES:
            return float(yaw)


def _draw_azimuth(rng: np.random.Generator) -> float:
    """A third of the lights to each side and a third in the center."""
    third = int(rng.integers(-1, 2))
    if third == 0:
        return float(rng.uniform(-CENTER_DEGREES, CENTER_DEGREES))
    beyond = (AZIMUTH_LIMIT_DEGREES - CENTER_DEGREES) * rng.beta(1.5, 1.2)
    return float(third * (CENTER_DEGREES + 0.01 + beyond))


def _draw_background(rng: np.random.Generator) -> tuple[str, tuple[Colour, Colour, Colour], int]:
    kind = str(rng.choice(["plain", "gradient", "blobs"], p=[0.3, 0.35, 0.35]))
    level = rng.uniform(25, 225)
    tint = rng.normal(0, 1, 3) * (26 if rng.random() < 0.6 else 10)
    first = level + tint
    second = level * rng.uniform(0.35, 1.1) + tint * rng.uniform(-0.3, 1.0)
    third = rng.uniform(20, 240) + rng.normal(0, 35, 3)
    return kind, (_colour(first), _colour(second), _colour(third)), int(rng.integers(1 << 31))


@lru_cache(maxsize=4096)
def draw_shot(seed: int, identity: int, index: int) -> Shot:
    """How the index-th picture of an identity is taken: light, pose, expression, scenery."""
    person = draw_person(seed, identity)
    rng = _generator(seed, SHOT_STREAM, identity, index)
    smiles = rng.random() < 0.5
    opens = rng.random() < (0.6 if smiles else 0.18)
    kind, colours, background_seed = _draw_background(rng)
    cloth = rng.uniform(15, 235) + rng.normal(0, 40, 3)
    return Shot(
        index=index,
        yaw_degrees=_draw_yaw(rng),
        pitch_degrees=float(np.clip(rng.normal(0, 4.5), -12, 12)),
        roll_degrees=float(np.clip(rng.normal(0, 1.2), -4, 4)),
        azimuth_degrees=_draw_azimuth(rng),
        elevation_degrees=float(-10 + 70 * rng.beta(2.0, 2.0)),
        softness=float(rng.beta(1.3, 2.2)),
        light_warmth=float(rng.normal(0.1, 0.4)),
        exposure=float(np.exp(rng.normal(0, 0.13))),
        smile=float(rng.uniform(0.45, 1.0)) if smiles else float(rng.uniform(-0.15, 0.25)),
        mouth_open=float(rng.uniform(0.25, 1.0)) if opens else 0.0,
        eye_open=float(np.clip(rng.normal(1.0, 0.12), 0.6, 1.25)),
        gaze=float(np.clip(rng.normal(0.75, 0.3), 0, 1)),
        has_glasses=bool(rng.random() < (0.75 if person.wears_glasses else 0.02)),
        glasses_shape=float(rng.uniform(0, 1)),
        glasses_colour=_colour(
            rng.choice([18, 40, 90]) * np.array([1.0, rng.uniform(0.7, 1), 0.8])
        ),
        body_yaw_degrees=float(rng.normal(0, 10)),
        cloth=_colour(cloth),
        neckline=float(rng.uniform(0, 1)),
        background=kind,
        background_colours=colours,
        background_seed=background_seed,
        jitter_x=float(np.clip(rng.normal(0, 0.8), -2, 2)),
        jitter_y=float(np.clip(rng.normal(0, 0.8), -2, 2)),
        jitter_scale=float(np.clip(rng.normal(1, 0.012), 0.97, 1.03)),
    )

"""From a person and a shot to the flat record of numbers that the compiled renderer reads."""

import math

import numpy as np

from lightstage.camera import camera_for, turned
from lightstage.light import light_direction
from lightstage.people import HAIR_STYLES, Colour, Person, Shot

_SCALARS = (
    "scale eyes_x eyes_y skull_rx skull_ry skull_y face_rx face_ry face_y jaw_x jaw_y jaw_w "
    "chin_y chin_w chin_z cheek_y cheek_z cheek_r brow_z brow_y brow_w brow_tilt eye_x "
    "eye_w eye_up eye_low eye_tilt iris gaze_x gaze_y nose_y nose_z nose_w nose_bridge lip "
    "mouth_w mouth_y mouth_z smile open ear hair_on hair_x hair_top hair_front hairline "
    "part bangs long hair_length wave curl updo buzz quiff beard mustache makeup age "
    "texture glasses glasses_w glasses_h glasses_power neckline male neck_w ambient key "
    "penumbra exposure background background_seed"
)
_VECTORS = (
    "skin eye hair brow lips cloth frame light light_colour fill_colour back_a back_b back_c neck"
)

SCENE = np.dtype(
    [(name, "f8") for name in _SCALARS.split()]
    + [(name, "f8", 3) for name in _VECTORS.split()]
    + [("to_head", "f8", (3, 3)), ("to_body", "f8", (3, 3))]
)

BACKGROUNDS = {"plain": 0, "gradient": 1, "blobs": 2}


def linear(colour: Colour) -> np.ndarray:
    """Linear light 0..1 of an sRGB colour 0..255."""
    return (np.asarray(colour, dtype=float) / 255.0) ** 2.2


def _set_head(scene: np.ndarray, person: Person, shot: Shot) -> None:
    below = person.face_length  # the eyes stay at y = 0, everything below moves with this factor
    drop = 9.0 * shot.mouth_open
    scene["skull_rx"] = person.skull_width
    scene["skull_ry"] = person.skull_height
    scene["skull_y"] = -person.skull_height * 0.3
    scene["face_rx"] = person.face_width
    scene["face_ry"] = 76.0 * below
    scene["face_y"] = 24.0 * below
    scene["jaw_x"] = person.jaw_width
    scene["jaw_y"] = 70.0 * below + 0.5 * drop
    scene["jaw_w"] = 20.0
    scene["chin_y"] = 95.0 * below + 0.8 * drop
    scene["chin_w"] = person.chin_width + 5.0
    scene["chin_z"] = -13.0 + person.chin_forward
    scene["cheek_y"] = 34.0 * below - 4.0 * shot.smile
    scene["cheek_z"] = -23.0 + 2.5 * shot.smile
    scene["cheek_r"] = 17.5 + 5.0 * person.cheek_fullness + 1.5 * shot.smile
    scene["ear"] = person.ear_size
    scene["age"] = np.clip((person.age - 30) / 45, 0, 1)
    scene["male"] = float(person.is_male)
    scene["neck_w"] = 47.0 + 8.0 * person.is_male


def _set_features(scene: np.ndarray, person: Person, shot: Shot) -> None:
    below = person.face_length
    opened = shot.eye_open * (1 - 0.22 * max(shot.smile, 0)) * person.eye_size
    scene["eye_x"] = person.eye_distance / 2
    scene["eye_w"] = 15.0 * person.eye_size
    scene["eye_up"] = 6.0 * opened
    scene["eye_low"] = 4.6 * opened
    scene["eye_tilt"] = person.eye_tilt
    scene["iris"] = 6.1
    turn = math.radians(shot.yaw_degrees) * shot.gaze
    scene["gaze_x"] = np.clip(-12.5 * math.sin(turn), -6.0, 6.0)
    scene["gaze_y"] = np.clip(
        12.5 * math.sin(math.radians(shot.pitch_degrees)) * shot.gaze, -2.5, 2.5
    )
    scene["brow_z"] = person.brow_ridge
    scene["brow_y"] = -person.brow_height
    scene["brow_w"] = person.brow_thickness
    scene["brow_tilt"] = person.brow_tilt
    scene["nose_y"] = person.nose_length * below
    scene["nose_z"] = person.nose_projection
    scene["nose_w"] = person.nose_width
    scene["nose_bridge"] = person.nose_bridge
    scene["lip"] = person.lip_fullness
    scene["smile"] = shot.smile
    scene["open"] = (9.0 + 2.5 * shot.smile) * shot.mouth_open
    scene["mouth_w"] = person.mouth_width * (1 + 0.24 * shot.smile - 0.06 * shot.mouth_open)
    scene["mouth_y"] = 67.0 * below
    scene["mouth_z"] = 12.0 + 0.3 * person.chin_forward


def _set_hair(scene: np.ndarray, person: Person, shot: Shot) -> None:
    style = person.hair_style
    if style not in HAIR_STYLES:
        raise ValueError(f"hair style is {style!r}, expected one of {', '.join(HAIR_STYLES)}")
    volume = person.hair_volume
    sides = {"short": 0.35, "medium": 0.6, "long": 0.55, "curly": 0.85}.get(style, 0.8)
    scene["hair_on"] = float(style != "bald")
    scene["hair_x"] = 1.5 + volume * sides
    scene["hair_top"] = volume
    scene["hair_front"] = 1.0 + 0.5 * volume
    scene["hairline"] = -31.0 if person.has_bangs else person.hairline
    scene["part"] = person.hair_part
    scene["bangs"] = float(person.has_bangs)
    scene["long"] = float(style in ("medium", "long"))
    scene["hair_length"] = person.hair_length
    scene["wave"] = person.hair_wave if style in ("medium", "long") else 0.3 * person.hair_wave
    scene["curl"] = float(style == "curly")
    scene["updo"] = float(style == "updo")
    scene["quiff"] = (
        1.6 * volume * (style == "short" and not person.has_bangs and person.hair_wave > 0.3)
    )
    scene["buzz"] = float(style == "buzz")
    scene["beard"] = person.beard
    scene["mustache"] = person.mustache
    scene["makeup"] = person.makeup
    scene["texture"] = person.texture


def _set_colours(scene: np.ndarray, person: Person, shot: Shot) -> None:
    skin, hair = linear(person.skin) ** (0.985, 1.05, 1.12), linear(person.hair)
    scene["skin"] = skin
    scene["eye"] = linear(person.eye_colour)
    scene["hair"] = hair
    scene["brow"] = np.minimum(hair * 0.7, 0.75 * skin)
    natural = skin * (0.74, 0.4, 0.42)
    lipstick = np.array([0.42, 0.045, 0.07])
    scene["lips"] = natural + (lipstick - natural) * 0.75 * max(0.0, person.makeup - 0.25)
    scene["cloth"] = linear(shot.cloth)
    scene["neckline"] = shot.neckline
    scene["glasses"] = float(shot.has_glasses)
    scene["glasses_w"] = 23.0 + 2.5 * shot.glasses_shape
    scene["glasses_h"] = 16.0 + 5.0 * (shot.glasses_shape * 7 % 1)
    scene["glasses_power"] = 2.0 + 3.0 * (shot.glasses_shape * 3 % 1)
    scene["frame"] = linear(shot.glasses_colour)


def _set_light(scene: np.ndarray, shot: Shot) -> None:
    soft = shot.softness
    warm = np.array([1 + 0.10 * shot.light_warmth, 1.0, 1 - 0.13 * shot.light_warmth])
    scene["light"] = light_direction(shot.azimuth_degrees, shot.elevation_degrees)
    scene["key"] = 1.55 - 0.75 * soft
    scene["ambient"] = 0.09 + 0.42 * soft
    scene["penumbra"] = 14.0 - 11.0 * soft
    scene["light_colour"] = warm
    scene["fill_colour"] = 2 - warm
    scene["exposure"] = shot.exposure
    scene["background"] = BACKGROUNDS[shot.background]
    scene["background_seed"] = shot.background_seed % 9973
    for name, colour in zip(("back_a", "back_b", "back_c"), shot.background_colours, strict=True):
        scene[name] = linear(colour)


def build_scene(person: Person, shot: Shot) -> np.void:
    """The record (dtype SCENE) of everything one picture needs; lengths in mm, colours linear."""
    scene = np.zeros((), dtype=SCENE)
    camera = camera_for(person, shot)
    scene["scale"], scene["eyes_x"], scene["eyes_y"] = camera.scale, camera.eyes_x, camera.eyes_y
    scene["to_head"] = (camera.roll @ camera.rotation).T
    # the neck hangs on the skull, and the shoulders follow a turn of the head only partly
    scene["neck"] = camera.roll @ camera.rotation @ np.array([0.0, 92.0, -74.0])
    scene["to_body"] = turned(shot.body_yaw_degrees + 0.4 * shot.yaw_degrees).T
    _set_head(scene, person, shot)
    _set_features(scene, person, shot)
    _set_hair(scene, person, shot)
    _set_colours(scene, person, shot)
    _set_light(scene, shot)
    record: np.void = scene.reshape(1)[0]
    return record

"""Which encoders a generator has, read from their records without loading one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from editing import places
from editing.models import Generator
from labeling.errors import Refused

RECORD_NAME = "encoder.json"
ENCODER_FORMAT = 1
SETTINGS = ("timestep", "steps", "refinements")


@dataclass(frozen=True)
class EncoderRecord:
    """What one encoder is: whose, for which latents; sha256 is of its weights."""

    folder: Path
    sha256: str
    generator_sha256: str
    timestep: int
    steps: int
    refinements: int
    told: dict[str, Any]


def encoders_of(generator: Generator) -> list[EncoderRecord]:
    """The generator's own encoders; one of another generator, or of another format, is no one's."""
    folders = places.encoder_folders(generator.sha256, generator.folder)
    records = (read(folder) for folder in folders if (folder / RECORD_NAME).is_file())
    return [one for one in records if one.generator_sha256 == generator.sha256]


def choose(generator: Generator, **settings: int | None) -> EncoderRecord:
    """The encoder whose timestep, steps and refinements are those given; None matches any.

    raises  Refused, saying which there are
    """
    there = encoders_of(generator)
    for one in there:
        if all(value in (None, getattr(one, name)) for name, value in settings.items()):
            return one
    advice = f"train one with `manage.py train_encoder {generator.name}`, or use 'inversion'"
    if not there:
        raise Refused("no_encoder", f"Generator {generator.name!r} has no encoder; {advice}.")
    wanted = ", ".join(f"{k} {v}" for k, v in settings.items() if v is not None)
    known = "; ".join(", ".join(f"{k} {getattr(one, k)}" for k in SETTINGS) for one in there)
    raise Refused(
        "no_encoder",
        f"Generator {generator.name!r} has no encoder of {wanted}, only of {known}; {advice}.",
    )


def in_space(generator: Generator, space: str) -> EncoderRecord:
    """The encoder whose latents lie in a space; Refused when it is no longer there."""
    for one in encoders_of(generator):
        if f"-encoder.{one.sha256[:12]}-" in space:
            return one
    raise Refused(
        "encoder_changed",
        f"The encoder that made {space} is gone or was trained anew; embed the faces again.",
    )


def read(folder: Path) -> EncoderRecord:
    """The record in an encoder's folder; Refused, naming the file, when it says too little."""
    path = folder / RECORD_NAME
    try:
        told = json.loads(path.read_text())
        if told["format"] != ENCODER_FORMAT:
            raise ValueError(f"format {told['format']}; expected {ENCODER_FORMAT}")
        whose = str(told["generator_sha256"])
        numbers = {name: int(told[name]) for name in SETTINGS}
        return EncoderRecord(folder, str(told["sha256"]), whose, told=told, **numbers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused("encoder_damaged", f"{path} is no encoder's record: {error!r}.") from None

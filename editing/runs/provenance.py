"""Where a figure comes from: filter, release, generator, code and settings, to make it again."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings

from editing import places
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding
from labeling.models import Release

OURS = ("editing", "labeling")
# What the numbers depend on beside our own code.
PEERS = ("torch", "diffusers", "numpy", "scikit-learn", "pillow", "matplotlib")


@cache
def code_version() -> dict[str, Any]:
    """A hash over our own sources, and the versions of what they stand on."""
    found = hashlib.sha256()
    for package in OURS:
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*.py")):
            found.update(str(path.relative_to(settings.BASE_DIR)).encode() + b"\0")
            found.update(path.read_bytes() + b"\0")
    return {"sources_sha256": found.hexdigest(), **{name: version(name) for name in PEERS}}


def recipe_of_selection(query: str) -> dict[str, Any]:
    face_filter = FaceFilter.parse(query)
    return {
        "format": "penumbra-figures-1",
        "code": code_version(),
        "dataset": face_filter.one_dataset().name,
        "filter": dict(face_filter.as_pairs()),
        "release": _release(face_filter.release),
    }


def recipe_of_direction(direction: Direction) -> dict[str, Any]:
    return {**settings_of_direction(direction), "result": direction.result}


def settings_of_direction(direction: Direction) -> dict[str, Any]:
    """What a direction's lines follow from, and the hash of the file that holds them."""
    lines = places.direction_file(direction.id)
    return {
        "id": direction.id,
        "filter": dict(FaceFilter.parse(direction.filter).as_pairs()),
        "release": _release(direction.release_id),
        "generator": {
            "name": direction.generator.name,
            "source": direction.generator.source,
            "sha256": direction.generator.sha256,
        },
        "space": direction.space,
        "bins": direction.bins,
        "recipe": direction.recipe,
        "fitted_at": direction.finished_at and direction.finished_at.isoformat(),
        "lines_sha256": hashlib.sha256(lines.read_bytes()).hexdigest() if lines.exists() else None,
    }


def recipe_of_edit(edit: Edit) -> dict[str, Any]:
    return {
        "id": edit.id,
        "direction": edit.direction_id,
        "face": edit.face.filename,
        "degrees": edit.degrees,
        "settings": edit.settings,
        "result": edit.result,
    }


def recipe_of_turn(
    edit: Edit,
    how: Embedding,
    *,
    light_held: bool | None,
    light_of: Direction | None,
    probes: dict[str, Any],
) -> dict[str, Any]:
    """All that a turned head follows from.

    how         how the latents of the direction's space are made
    light_held  None where nothing steers
    light_of    the direction whose slope held the light, where it was held
    probes      the errors of what measured, and steered where a loop or a walk did
    """
    return {
        "format": "penumbra-turned-head-1",
        "face": edit.face.filename,
        "dataset": edit.face.dataset.name,
        "direction": settings_of_direction(edit.direction),
        "method": how.method,
        "kind": how.kind,
        "timestep": how.timestep,
        "steps": how.steps,
        "refinements": how.refinements,
        "gradient_steps": how.gradient_steps,
        "degrees": edit.degrees,
        **edit.settings,
        "light_held": light_held,
        "light_of": light_of and settings_of_direction(light_of),
        "probes": probes,
        "code": code_version(),
    }


def _release(release_id: int | None) -> dict[str, Any] | None:
    if release_id is None:
        return None
    release = Release.objects.select_related("campaign").get(id=release_id)
    files = {file["name"]: file["sha256"] for file in release.manifest.get("files", [])}
    return {"campaign": release.campaign.slug, "number": release.number, "files_sha256": files}

"""Where editing keeps its files, and which folders may hold generators."""

from pathlib import Path

from django.conf import settings

LATENTS_VERSION = 1


def generator_folders() -> list[Path]:
    """Folders in which the web may name a generator: what was trained here, what is shipped."""
    return [settings.VAR_DIR / "generators", settings.BASE_DIR / "editing" / "generators"]


def space_key(sha256: str, *, method: str, timestep: int, steps: int, refinements: int) -> str:
    """The name of a space: latents may be mixed exactly when these are equal."""
    return f"{sha256[:12]}-{method}-t{timestep}-s{steps}-r{refinements}-v{LATENTS_VERSION}"


def generator_folder(name: str) -> Path:
    return settings.VAR_DIR / "generators" / name


def training_folder(name: str) -> Path:
    """Beside the generators and not inside one: each checkpoint replaces a generator as a whole."""
    return settings.VAR_DIR / "generators" / ".training" / name


def latents() -> Path:
    return settings.VAR_DIR / "latents"


def probe_file(dataset_id: int, image_size: int, version: int) -> Path:
    return settings.VAR_DIR / "probes" / f"dataset{dataset_id}-{image_size}-v{version}.safetensors"


def direction_file(direction_id: int) -> Path:
    return settings.VAR_DIR / "directions" / str(direction_id) / "direction.safetensors"


def edit_folder(edit_id: int) -> Path:
    return settings.VAR_DIR / "edits" / str(edit_id)


def decomposition_folder(decomposition_id: int) -> Path:
    return settings.VAR_DIR / "decompositions" / str(decomposition_id)


def mean_faces_folder(mean_faces_id: int) -> Path:
    return settings.VAR_DIR / "mean_faces" / "selections" / str(mean_faces_id)


def figures_folder(figures_id: int) -> Path:
    return settings.VAR_DIR / "figures" / str(figures_id)

"""Where editing keeps its files, and which folders may hold generators."""

from pathlib import Path

from django.conf import settings

LATENTS_VERSION = 1


def generator_folders() -> list[Path]:
    """Folders in which the web may name a generator: what was trained here, what is shipped."""
    return [settings.VAR_DIR / "generators", settings.BASE_DIR / "editing" / "generators"]


def space_key(
    sha256: str,
    *,
    method: str,
    timestep: int,
    steps: int,
    refinements: int,
    kind: str = "x_t",
    gradient_steps: int = 0,
    encoder_sha256: str = "",
) -> str:
    """The name of a space: latents may be mixed exactly when these are equal.

    sha256, encoder_sha256   of the generator, and of the encoder where the method is one
    """
    how = f"{method}.{encoder_sha256[:12]}" if encoder_sha256 else method
    descents = f"-g{gradient_steps}" if gradient_steps else ""
    bottleneck = "" if kind == "x_t" else f"-{kind}"
    return (
        f"{sha256[:12]}-{how}-t{timestep}-s{steps}-r{refinements}{descents}{bottleneck}"
        f"-v{LATENTS_VERSION}"
    )


def generator_folder(name: str) -> Path:
    return settings.VAR_DIR / "generators" / name


def training_folder(name: str) -> Path:
    """Beside the generators and not inside one: each checkpoint replaces a generator as a whole."""
    return settings.VAR_DIR / "generators" / ".training" / name


def encoder_folders(generator_sha256: str, generator_folder: str | Path) -> list[Path]:
    """Where a generator's encoders may lie: those trained here, then the one it came with."""
    trained = (settings.VAR_DIR / "encoders").glob(f"{generator_sha256[:12]}-*")
    return [*sorted(trained), *([Path(generator_folder) / "encoder"] if generator_folder else [])]


def encoder_folder(generator_sha256: str, *, timestep: int, steps: int, refinements: int) -> Path:
    name = f"{generator_sha256[:12]}-t{timestep}-s{steps}-r{refinements}"
    return settings.VAR_DIR / "encoders" / name


def encoder_training_folder(encoder_folder: Path) -> Path:
    """Beside the encoders and not inside one: each checkpoint replaces an encoder as a whole."""
    return encoder_folder.parent / ".training" / encoder_folder.name


def latents() -> Path:
    return settings.VAR_DIR / "latents"


def probe_file(dataset_id: int, image_size: int, version: int, kind: str = "") -> Path:
    name = f"dataset{dataset_id}-{image_size}-{kind}v{version}.safetensors"
    return settings.VAR_DIR / "probes" / name


def direction_file(direction_id: int) -> Path:
    return settings.VAR_DIR / "directions" / str(direction_id) / "direction.safetensors"


def edit_folder(edit_id: int) -> Path:
    return settings.VAR_DIR / "edits" / str(edit_id)


# In the folder of a finished search: regions of pixels that moved together, for the next marking.
PROPOSED_FILE = "proposed.json"


def decomposition_folder(decomposition_id: int) -> Path:
    return settings.VAR_DIR / "decompositions" / str(decomposition_id)


def search_file(key: str) -> Path:
    """What a search for directions found, by the sha256 of all that it follows from."""
    return settings.VAR_DIR / "components" / f"{key}.safetensors"


def mean_faces_folder(mean_faces_id: int) -> Path:
    return settings.VAR_DIR / "mean_faces" / "selections" / str(mean_faces_id)


def figures_folder(figures_id: int) -> Path:
    return settings.VAR_DIR / "figures" / str(figures_id)

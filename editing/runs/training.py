"""Train a generator on a dataset's own faces, leaving out the people it will be measured on."""

from collections.abc import Callable
from pathlib import Path

import torch
from django.conf import settings

from editing import places
from editing.engine.denoiser import describe, load_denoiser, new_unet, save_generator
from editing.engine.training import CHECKPOINT_NAME, TrainingProgress, train
from editing.models import Generator
from editing.runs.loading import crops_of, device, is_set_apart
from labeling.errors import Refused
from labeling.models import Dataset, Face


def has_checkpoint(name: str) -> bool:
    return (places.training_folder(name) / CHECKPOINT_NAME).is_file()


def train_generator(
    dataset: Dataset,
    name: str,
    *,
    size: int = 64,
    seconds: float | None = None,
    n_images: int | None = None,
    resume: bool = True,
    start_from: Generator | None = None,
    on_load: Callable[[int, int], None] = lambda done, n: None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Path:
    """Train on the dataset's train split and write a generator folder; returns that folder.

    seconds, n_images  the whole budget, what an earlier run spent counted in
    start_from         whose weights are trained on, instead of fresh ones of this size
    on_load            called with the faces read so far and in all
    raises             Refused when no face is left to train on, or start_from was trained another
                       way than training goes on here
    """
    begun = start_from and {"name": start_from.name, "sha256": start_from.sha256}
    unet = _continued(start_from) if start_from else new_unet(size)
    size = start_from.image_size if start_from else size
    face_ids = trained_on(dataset)
    crops = crops_of(face_ids, size, on_load)
    folder = places.generator_folder(name)

    def save(network: object, reached: TrainingProgress) -> None:
        record = {
            "dataset": dataset.name,
            "started_from": begun,
            "n_faces": len(face_ids),
            "left_out": "validation and test split, or every sixth person",
            "images_seen": reached.images_seen,
            "seconds": round(reached.seconds),
            "loss": reached.loss,
            "threads": settings.WORKER_THREADS,
        }
        save_generator(folder, network, record)

    train(
        unet.to(device()),
        crops,
        folder=places.training_folder(name),
        seconds=seconds,
        n_images=n_images,
        resume=resume,
        about={"started_from": begun} if begun else None,
        on_progress=on_progress,
        on_checkpoint=save,
        should_stop=should_stop,
    )
    return folder


def _continued(generator: Generator) -> torch.nn.Module:
    card = describe(generator.folder)
    for name, value, expected in (
        ("sha256", card.sha256[:12], generator.sha256[:12]),
        ("prediction type", card.prediction_type, "v_prediction"),
        ("schedule", card.schedule, "squaredcos_cap_v2"),
        ("number of timesteps", card.train_timesteps, 1000),
    ):
        if value != expected:
            raise Refused(
                "cannot_continue",
                f"Generator {generator.name!r} has {name} {value}; training goes on only from "
                f"{expected}.",
            )
    return load_denoiser(generator.folder).unet.requires_grad_(True).train()


def trained_on(dataset: Dataset) -> list[int]:
    """The faces a generator may learn: none of the people that turning is later measured on."""
    faces = Face.objects.filter(dataset=dataset).order_by("id")
    rows = list(faces.values_list("id", "identity", "split"))
    kept_apart = {who for _, who, split in rows if split not in (None, Face.Split.TRAIN)}
    if kept_apart:
        # A face of nobody known shares its None with strangers: only its own split counts.
        kept_apart.discard(None)
        ours = [(i, who) for i, who, split in rows if split == Face.Split.TRAIN]
        chosen = [i for i, who in ours if who not in kept_apart]
    else:
        chosen = [i for i, who, _ in rows if not is_set_apart(-i if who is None else who)]
    if not chosen:
        raise Refused("no_faces", f"Dataset {dataset.name!r} has no face to train on.")
    return chosen

"""Train an encoder for a generator on a dataset's faces, and say how it compares with inversion."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from django.conf import settings
from numpy.typing import NDArray

from editing import encoders, places
from editing.engine.denoiser import Denoiser
from editing.engine.distillation import TUNED_SHARE
from editing.engine.distillation import train_encoder as distil
from editing.engine.encoder import Encoder, load_encoder, save_encoder
from editing.engine.images import to_tensor
from editing.engine.learning import CHECKPOINT_NAME, Budget, TrainingProgress
from editing.engine.spaces import Space, round_trip
from editing.models import Generator
from editing.runs.embedding import Work
from editing.runs.loading import crops_of, denoiser_of, draw, number_type, store_of
from editing.runs.training import trained_on
from labeling.errors import Refused
from labeling.models import Dataset, Face
from labeling.worker import Stopped

# Of the budget, at most this share goes into inverting faces to learn from, and of the faces as
# many as make no epoch of the rest too short.
INVERTED_SHARE = 0.3
MOST_LATENTS = 4096
# Crops are held in memory: 1 GB at 64x64.
MOST_FACES = 80_000
CHECKED = 32


@dataclass(frozen=True)
class Plan:
    """One encoder to train: for which generator's latents, on which faces, within what."""

    generator: Generator
    dataset: Dataset
    timestep: int
    steps: int
    refinements: int
    seconds: float | None = None
    n_images: int | None = None
    start_from: Path | None = None

    @property
    def folder(self) -> Path:
        return places.encoder_folder(self.generator.sha256, **self.latents)

    @property
    def latents(self) -> dict[str, int]:
        return {
            "timestep": self.timestep,
            "steps": self.steps,
            "refinements": self.refinements,
        }

    @property
    def about(self) -> dict[str, Any]:
        return {"generator_sha256": self.generator.sha256, **self.latents}

    def has_checkpoint(self) -> bool:
        return (places.encoder_training_folder(self.folder) / CHECKPOINT_NAME).is_file()


def train_encoder(
    plan: Plan,
    *,
    resume: bool = True,
    on_invert: Callable[[int, int], None] = lambda done, n: None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Invert faces, learn from them, and write the encoder; returns its record.

    on_invert   called with the latents there are and how many are wanted
    raises      Refused when no face is left to train on, ValueError as the engine does
    """
    denoiser = denoiser_of(plan.generator)
    face_ids = sorted(trained_on(plan.dataset), key=draw)[:MOST_FACES]
    space = Space(**plan.latents)
    if plan.start_from:
        inverted, latents = [], np.empty((0, 0), np.float32)
    else:
        inverted, latents = _inverted(plan, denoiser, space, face_ids, on_invert, should_stop)
    with_latent = set(inverted)
    crops = crops_of(
        [*inverted, *(i for i in face_ids if i not in with_latent)], denoiser.image_size
    )
    encoder = _begun(plan, denoiser)
    spent = 0.0 if plan.start_from else INVERTED_SHARE
    lessons = None if plan.seconds is None else plan.seconds * (1 - spent)

    def save(network: torch.nn.Module, reached: TrainingProgress) -> None:
        figures = {
            "dataset": plan.dataset.name,
            "n_faces": len(crops),
            "n_latents": len(latents),
            "images_seen": reached.images_seen,
            "seconds": round(reached.seconds),
            "loss": reached.loss,
            "threads": settings.WORKER_THREADS,
            "started_from": str(plan.start_from.name) if plan.start_from else None,
        }
        save_encoder(plan.folder, network, {**plan.about, "training": figures})

    distil(
        encoder,
        denoiser,
        plan.timestep,
        crops,
        latents,
        folder=places.encoder_training_folder(plan.folder),
        budget=Budget(lessons, plan.n_images),
        # Who begins from an earlier encoder has imitated before.
        tuned_share=1.0 if plan.start_from else TUNED_SHARE,
        resume=resume,
        about=plan.about,
        on_progress=on_progress,
        on_checkpoint=save,
        should_stop=should_stop,
    )
    return _measured(plan, denoiser, space)


def _inverted(
    plan: Plan,
    denoiser: Denoiser,
    space: Space,
    face_ids: list[int],
    on_invert: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> tuple[list[int], NDArray[np.float32]]:
    """The faces to imitate with their latents: those that are kept, and some found now."""
    key = places.space_key(plan.generator.sha256, method="inversion", **plan.latents)
    store = store_of(plan.generator, key)
    store.discard_damaged()
    known = store.present(face_ids)
    wanted = [*(i for i in face_ids if i in known), *(i for i in face_ids if i not in known)]
    wanted = wanted[: min(MOST_LATENTS, len(wanted))]
    ends = time.monotonic() + INVERTED_SHARE * (plan.seconds or float("inf"))

    def tell(n_done: float, waiting: bool) -> None:
        on_invert(round(n_done), len(wanted))
        # At least one chunk is worth its while, whatever the budget.
        if should_stop() or (time.monotonic() > ends and store.present(wanted)):
            raise Stopped

    with suppress(Stopped):
        Work(denoiser, store, space, wanted).through(tell, lambda n_done: None)
    there = store.present(wanted)
    if not there:
        raise Refused("no_faces", f"No face of {plan.dataset.name!r} was inverted to learn from.")
    ours = [face_id for face_id in wanted if face_id in there]
    return ours, store.read(ours)


def _begun(plan: Plan, denoiser: Denoiser) -> Encoder:
    alpha_bar = float(denoiser.alpha_bar[plan.timestep])
    encoder = Encoder(denoiser.image_size, alpha_bar)
    if plan.start_from:
        earlier = load_encoder(plan.start_from, encoders.read(plan.start_from).told)
        encoder = Encoder(earlier.image_size, alpha_bar, earlier.widths)
        encoder.load_state_dict(earlier.state_dict())
    return encoder.to(denoiser.device).to(memory_format=torch.channels_last)


def _measured(plan: Plan, denoiser: Denoiser, inversion: Space) -> dict[str, Any]:
    """Note on the record what the encoder loses and takes on faces it has not seen."""
    record = encoders.read(plan.folder)
    encoder = load_encoder(plan.folder, record.told)
    encoder = encoder.to(denoiser.device, number_type(str(denoiser.device)))
    encoder = encoder.to(memory_format=torch.channels_last)
    faces = Face.objects.filter(dataset=plan.dataset).values_list("id", flat=True)
    unseen = sorted(set(faces) - set(trained_on(plan.dataset)), key=draw)[:CHECKED]
    if not unseen:
        return record.told
    photos = to_tensor(crops_of(unseen, denoiser.image_size))
    told: dict[str, Any] = {"n_checked": len(unseen)}
    for name, space in (("", replace(inversion, encoder=encoder)), ("inversion_", inversion)):
        started = time.process_time()
        x_t = space.x_t(denoiser, photos.to(denoiser.device))
        told[f"{name}cpu_seconds_per_face"] = (time.process_time() - started) / len(unseen)
        told[f"{name}mse"] = round_trip(denoiser, x_t, photos, space.grid(denoiser))
    figures = {**record.told["training"], **told}
    # Read again: the one that was measured may have been rounded to the device's number type.
    whole = load_encoder(plan.folder, record.told)
    return save_encoder(plan.folder, whole, {**plan.about, "training": figures})

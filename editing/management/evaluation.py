"""Many held-out faces x angles x settings: each face of each setting is turned, measured, kept."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine import images
from editing.management.contenders import (
    Ready,
    Setting,
    Tell,
    faces_for,
    made_ready,
    used_people,
)
from editing.management.truth import Stage
from editing.runs.loading import crops_of
from editing.runs.local_fits import fit_for
from editing.runs.measuring import Meter, Readings
from editing.runs.rendering import loop_of, source_of, with_light
from editing.runs.turning import Frames, Source
from editing.runs.walking import neighbours_of, walked
from editing.store import write_whole
from labeling.models import Face

DEGREES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
# Real faces that look within so many degrees of an angle stand for faces at that angle.
NEAR_ANGLE = 7.5
STRANGERS = 400
SHOWN_STRIPS = 12


@dataclass
class Evaluation:
    """The work of one folder: what is in it is not done again, so a killed run goes on."""

    settings: Sequence[Setting]
    folder: Path
    degrees: Sequence[float] = DEGREES
    n_faces: int = 200
    tell: Tell = field(default=lambda share, step: None)

    def run(self) -> list[dict[str, Any]]:
        """Every record, setting by setting; Refused where no face is fit to be turned by all."""
        faces = self.faces
        n_all, n_done, records = len(faces) * len(self.settings), 0, []
        for setting in self.settings:
            for at, face in enumerate(faces, 1):
                records.append(self.record(setting, face))
                n_done += 1
                self.tell(n_done / n_all, f"{setting.name}: face {at} of {len(faces)}")
        return records

    def record(self, setting: Setting, face: Face) -> dict[str, Any]:
        """What one face of one setting measured: kept from before, else measured now."""
        folder = self.folder / f"{setting.name}-{setting.key(self.degrees)}"
        path = folder / f"{face.id}.json"
        if path.is_file():
            kept: dict[str, Any] = json.loads(path.read_text())
            return kept
        told, pictures = self._measured(setting, face)
        if face.id in {one.id for one in self.faces[:SHOWN_STRIPS]}:
            write_whole(folder / f"{face.id}.png", images.png(images.strip(pictures, None, 1)))
        # The picture first: a record that is there says that all of the face is.
        write_whole(path, json.dumps(told).encode())
        return told

    @cached_property
    def ready(self) -> dict[int, Ready]:
        return made_ready(self.settings, self.tell)

    @cached_property
    def faces(self) -> list[Face]:
        return faces_for(self.settings, self.ready)[: self.n_faces]

    @cached_property
    def meter(self) -> Meter:
        return next(iter(self.ready.values())).meter

    @cached_property
    def stage(self) -> Stage | None:
        """The truth, where the faces were rendered."""
        dataset = self.faces[0].dataset
        size = next(iter(self.ready.values())).turner.denoiser.image_size
        return Stage(dataset, size) if dataset.is_rendered else None

    @cached_property
    def crowd(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Identity vectors (n, d), yaw (n,) and person (n,) of real faces set apart."""
        used = used_people(self.ready)
        rows = Face.objects.filter(
            dataset=self.faces[0].dataset, identity__isnull=False, yaw_degrees__isnull=False
        ).exclude(identity__in=used)
        found = list(rows.order_by("id").values_list("id", "yaw_degrees", "identity")[:STRANGERS])
        size = next(iter(self.ready.values())).turner.denoiser.image_size
        vectors = self._vectors(images.to_tensor(crops_of([row[0] for row in found], size)))
        yaws, people = (np.array([row[at] for row in found]) for at in (1, 2))
        return vectors, yaws, people

    def cards(self) -> dict[str, Any]:
        """The own error of everything that measured."""
        truth = {}
        if self.stage is not None:
            truth = {"truth_probe": vars(self.stage.probe.held_out)}
        return {**self.meter.card(), **truth}

    def direction_of(self, setting: Setting, face: Face) -> Ready:
        theirs = (self.ready[one.id] for one in setting.directions)
        return next(one for one in theirs if face.id in one.held_out)

    def _measured(self, setting: Setting, face: Face) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        ready = self.direction_of(setting, face)
        turner, meter = ready.turner, ready.meter
        source = source_of(face, ready.direction, turner.denoiser, ready.recipe, meter, self.tell)
        made = self._made(setting, ready, face, source)
        seen, photo = meter.read(made.x), meter.read(source.photo[None])
        told = [
            {
                "degrees": wish,
                "achieved": float(seen.yaw_degrees[at] - photo.yaw_degrees[0]),
                "light_kept": _same_side(seen, photo, at),
                "cosine": self._cosine(seen, photo, at),
                "step": float(made.step[at]),
                "across": float(made.across[at]),
                "shell": float(made.shell[at]),
                "rounds": int(made.rounds[at]),
                "is_clamped": bool(made.is_clamped[at]),
            }
            for at, wish in enumerate(self.degrees)
        ]
        whole = images.to_uint8(torch.cat([source.photo[None].double(), made.x]))
        lost = (made.reconstruction - source.photo).square().mean() / 4
        record = {
            "setting": setting.name,
            "face": face.id,
            "file": face.filename,
            "reconstruction_mse": float(lost),
            "light": meter.name_light(None if photo.light is None else photo.light[0]),
        }
        if self.stage is not None:
            self._add_truth(self.stage, face, source, made.x, told)
            whole = np.stack([whole, np.concatenate([whole[:1], self._true(face)])])
            whole = whole.reshape(-1, *whole.shape[2:])
        self._add_identity(face, seen, told)
        return {**record, "frames": told}, whole

    def _made(self, setting: Setting, ready: Ready, face: Face, source: Source) -> Frames:
        turner, meter, direction = ready.turner, ready.meter, ready.direction
        if setting.path == "walk":
            near = neighbours_of(setting.light_of or direction)
            return walked(turner, near, source, self.degrees, loop_of(meter))
        loop = loop_of(meter, setting.hold_light) if setting.closed_loop else None
        fit = fit_for(direction, face)
        if setting.light_of is not None:
            fit = with_light(fit, setting.light_of)
        return turner.frames(source, self.degrees, fit=fit, loop=loop)

    def _cosine(self, seen: Readings, photo: Readings, at: int) -> float | None:
        if seen.identity is None or photo.identity is None:
            return None
        return float(seen.identity[at] @ photo.identity[0])

    def _vectors(self, x: torch.Tensor) -> NDArray[np.float64]:
        if self.meter.identity is None:
            return np.empty((len(x), 0))
        return self.meter.identity.embed(x.float().clamp(-1, 1))

    def _true(self, face: Face) -> NDArray[np.uint8]:
        return self._rendered(face)["turned"]

    def _rendered(self, face: Face) -> dict[str, NDArray[np.uint8]]:
        """The light stage's own pictures of a face, rendered once and kept."""
        assert self.stage is not None
        angles = hashlib.sha256(json.dumps([*self.degrees]).encode()).hexdigest()[:8]
        path = self.folder / f"truth-{self.stage.key}-{angles}" / f"{face.filename}.npz"
        if path.is_file():
            with np.load(path) as kept:
                return dict(kept)
        made = {
            "turned": self.stage.turned(face, self.degrees),
            "others": self.stage.others(face, self.degrees),
        }
        out = io.BytesIO()
        np.savez_compressed(out, **made)
        write_whole(path, out.getvalue())
        return made

    def _add_truth(
        self,
        stage: Stage,
        face: Face,
        source: Source,
        x: torch.Tensor,
        told: list[dict[str, Any]],
    ) -> None:
        """Beside the light stage's pictures: the error, and what a perfect turn would measure."""
        true = images.to_tensor(self._true(face)).double()
        clipped, photo = x.clamp(-1, 1), source.photo[None].double()
        ours = stage.probe.predict(torch.cat([photo, clipped]))
        perfect, seen = self.meter.read(true), self.meter.read(photo)
        sides = None if ours.light is None else ours.light.argmax(axis=1)
        for at, frame in enumerate(told):
            frame["achieved_true"] = float(ours.yaw_degrees[at + 1] - ours.yaw_degrees[0])
            if sides is not None:
                frame["light_kept_true"] = bool(sides[at + 1] == sides[0])
            # Pictures run over -1..1 here; a quarter makes it the error of pictures in 0..1.
            frame["truth_mse"] = float((clipped[at] - true[at]).square().mean()) / 4
            frame["truth_mse_unturned"] = float((photo[0] - true[at]).square().mean()) / 4
            frame["perfect_achieved"] = float(perfect.yaw_degrees[at] - seen.yaw_degrees[0])
            frame["perfect_light_kept"] = _same_side(perfect, seen, at)

    def _add_identity(self, face: Face, seen: Readings, told: list[dict[str, Any]]) -> None:
        """Whether each frame is nearer to its person's real faces at that angle than to the median
        stranger's; left out where there are no such faces."""
        if seen.identity is None or face.identity is None or face.yaw_degrees is None:
            return
        vectors, yaws, people = self.crowd
        own = None
        if self.stage is not None:
            others = self._rendered(face)["others"]  # (m, n, h, w, 3)
            flat = images.to_tensor(others.reshape(-1, *others.shape[2:]))
            own = self._vectors(flat).reshape(*others.shape[:2], -1)
            true = self._vectors(images.to_tensor(self._true(face)))
        for at, frame in enumerate(told):
            off = np.abs(yaws - (face.yaw_degrees + frame["degrees"]))
            strange = vectors[(people != face.identity) & (off <= NEAR_ANGLE)]
            same = own[at] if own is not None else vectors[(people == face.identity) & (off <= 10)]
            if not len(strange) or not len(same):
                continue
            mine = seen.identity[at]
            frame["same"] = float((same @ mine).mean())
            frame["stranger"] = float(np.median(strange @ mine))
            frame["identity_kept"] = frame["same"] > frame["stranger"]
            if own is not None:
                frame["perfect_identity_kept"] = bool(
                    (same @ true[at]).mean() > np.median(strange @ true[at])
                )


def _same_side(seen: Readings, photo: Readings, at: int) -> bool | None:
    if seen.light is None or photo.light is None:
        return None
    return bool(seen.light[at].argmax() == photo.light[0].argmax())

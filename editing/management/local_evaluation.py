"""Local edits of many faces by every method, face by face, going on where a run was stopped."""

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save

from editing.engine import images
from editing.engine.ddim import time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.discovery import rows_of
from editing.engine.local_carrying import carried, outcome, transferred
from editing.engine.local_trials import (
    METHODS,
    Placed,
    Subject,
    Terms,
    Tried,
    at_size,
    compare,
    place,
    tuned,
)
from editing.engine.pooling import pooled, seen
from editing.management.local_tables import REACHED, Records
from editing.store import write_whole

REGIONS = ("eyes", "mouth", "hair", "nose")
TUNED_ON = 6
POOLED = 32  # people over whom directions are pooled, those tuned on among them
STARTS = 3  # directions per region of each face tuned on from which pooling begins
SHEETS = 8

# By region and method: ROIR on a face that a direction was carried to, whole and per pixel.
Ratios = dict[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Read:
    """What probes say of pictures (n, ...): yaw in degrees, light -1..1, identity unit vectors."""

    yaw: np.ndarray
    light: np.ndarray | None
    identity: np.ndarray | None


class LocalEvaluation:
    """One comparison: its terms and lambda are fixed by the first faces, which are not measured.

    tuning    faces that choose lambda; directions are carried to one of them and from one of them
    pooling   further faces over which directions are pooled, beside those
    n_refined faces of which the refined method is measured; it costs as much as all others
    """

    def __init__(
        self,
        denoiser: Denoiser,
        exact: Denoiser,
        sha256: str,
        read: Callable[[torch.Tensor], Read],
        folder: Path,
        terms: Terms,
        tuning: Sequence[Subject],
        pooling: Sequence[Subject],
        n_refined: int,
        tell: Callable[[float, str], None],
    ) -> None:
        self.denoiser, self.exact, self.read = denoiser, exact, read
        self.folder, self.terms, self.n_refined, self.tell = folder, terms, n_refined, tell
        self.tuning, self.pooling = list(tuning), list(pooling)
        self.sha256 = sha256

    def run(self, subjects: Sequence[Subject]) -> Records:
        records = Records(self.folder / "edits.csv")
        told = records.faces()
        self._take_up()
        waiting = [subject for subject in subjects if subject.name not in told]
        if waiting:
            self._prepare()
        refined = {subject.name for subject in subjects[: self.n_refined]}
        for number, subject in enumerate(waiting, 1):
            records.add(self._face(subject, refines=subject.name in refined))
            self.tell(number / len(waiting), f"Face {number} of {len(waiting)}")
        return records

    def _prepare(self) -> None:
        self.tell(0, f"Searching {len(self.tuning)} other faces")
        self.others = [place(self.denoiser, self.exact, one, self.terms) for one in self.tuning]
        self.tell(0, "Choosing lambda on them")
        self.terms = self._tuned(self.others)
        self.tell(0, "Pooling directions over them and more")
        self.pooled = self._pooled()

    def _take_up(self) -> None:
        """Take lambda from a stopped run; raises ValueError if that one had other terms."""
        path = self.folder / "terms.json"
        if not path.exists():
            return
        kept = json.loads(path.read_text())
        mine = json.loads(json.dumps(self._told(self.terms)))
        for name, value in mine.items():
            if name != "regularisation" and kept.get(name) != value:
                raise ValueError(
                    f"{path} has {name} {kept.get(name)}, not {value}; choose another folder."
                )
        self.terms = replace(self.terms, regularisation=kept["regularisation"])

    def _told(self, terms: Terms) -> dict[str, Any]:
        names = {"tuning": self.tuning, "pooling": self.pooling}
        told = {name: [one.name for one in faces] for name, faces in names.items()}
        return asdict(terms) | {"generator": self.sha256} | told

    def _tuned(self, placed: Sequence[Placed]) -> Terms:
        path = self.folder / "terms.json"
        if path.exists():
            return self.terms
        ratios = tuned(self.denoiser, placed, self.terms)
        terms = replace(self.terms, regularisation=min(ratios, key=lambda at: ratios[at]))
        told = self._told(terms) | {"tuned": {str(at): value for at, value in ratios.items()}}
        write_whole(path, json.dumps(told, indent=1).encode())
        return terms

    def _pooled(self) -> dict[str, torch.Tensor]:
        """A direction (C, h, w) per region that is local on all those faces; kept in a file."""
        path = self.folder / "pooled.safetensors"
        if path.exists():
            return dict(load_file(path))
        grid = time_grid(self.denoiser.alpha_bar, self.terms.steps, self.terms.timestep)
        paths = [one.path for one in self.others]
        for subject in self.pooling:
            photo = subject.photo[None].to(self.denoiser.device)
            paths.append(trace(self.denoiser, photo, grid, self.terms.refinements))
        masks = [subject.masks for subject in (*self.tuning, *self.pooling)]
        faces = seen(self.exact, paths, masks, grid)
        found = [rows_of(one.span, "locality").regions for one in self.others]
        regions = list(self.tuning[0].masks)
        start = torch.cat([rows[name].v[:STARTS].flatten(1) for rows in found for name in regions])
        best = {region: one.v[0].cpu() for region, one in pooled(faces, start).items()}
        write_whole(path, save({region: v.contiguous() for region, v in best.items()}))
        return best

    def _face(self, subject: Subject, refines: bool) -> list[dict[str, Any]]:
        one = place(self.denoiser, self.exact, subject, self.terms)
        methods = [name for name in METHODS if refines or name != "refined"]
        tried = compare(self.denoiser, one, self.terms, methods)
        # Whose direction is brought here, and where this face's go: by lot, the same at each call.
        other = self.others[zlib.crc32(subject.name.encode()) % len(self.others)]
        taken = [edit for edit in tried if edit.method != "held"]  # those of "locality" once more
        values = transferred(self.denoiser, taken, other, self.terms)
        ratios = {(e.region, e.method): told for e, told in zip(taken, values, strict=True)}
        for_all = {(region, "pooled"): self.pooled[region] for region in subject.masks}
        brought = at_size(self.denoiser, one, for_all, self.terms)
        brought += carried(self.denoiser, self.exact, other, one, self.terms)
        for edit in brought:
            mask = subject.masks[edit.region]
            ratios[edit.region, edit.method] = outcome(edit, mask, self.terms.size, REACHED)
        tried += brought
        self._sheet(one, tried)
        return self._lines(one, tried, ratios)

    def _lines(self, one: Placed, tried: Sequence[Tried], ratios: Ratios) -> list[dict[str, Any]]:
        still = one.path.states[0][:1]
        told = self.read(torch.cat([still, torch.stack([edit.x for edit in tried])]))
        lines = []
        for at, edit in enumerate(tried, 1):
            line = {
                "face": edit.face,
                "region": edit.region,
                "method": edit.method,
                "size": round(edit.size, 5),
                "strength": round(edit.strength, 5),
                "roir": round(edit.roir, 5),
                "ssim_outside": round(edit.ssim, 5),
                "yaw_shift": round(float(told.yaw[at] - told.yaw[0]), 4),
            }
            if told.light is not None:
                line["light_shift"] = round(float(told.light[at] - told.light[0]), 4)
            if told.identity is not None:
                line["identity"] = round(float(told.identity[at] @ told.identity[0]), 4)
            if (edit.region, edit.method) in ratios:
                whole, per_pixel = ratios[edit.region, edit.method]
                line["transfer_roir"] = round(float(whole), 4)
                line["transfer_per_pixel"] = round(float(per_pixel), 4)
            lines.append(line)
        return lines

    def _sheet(self, one: Placed, tried: Sequence[Tried]) -> None:
        """A picture per face of the first few: methods down, regions across, the photo first."""
        path = self.folder / "sheets" / f"{Path(one.subject.name).stem}.png"
        if path.parent.exists() and len(list(path.parent.iterdir())) >= SHEETS:
            return
        regions = list(one.subject.masks)
        methods = list(dict.fromkeys(edit.method for edit in tried))
        by_place = {(edit.method, edit.region): edit.x for edit in tried}
        photo = one.path.states[0][0]
        rows = [
            images.to_uint8(torch.stack([photo, *(by_place[method, r] for r in regions)]))
            for method in methods
        ]
        sheet = images.table(
            np.stack(rows),
            columns=["photo", *regions],
            rows=[method.replace("_", " ") for method in methods],
            scale=2,
        )
        write_whole(path, images.png(sheet))


def regions_of(
    proposals: Iterable[dict[str, Any]], rasterised: Callable[[Any], np.ndarray]
) -> dict[str, torch.Tensor]:
    """The compared regions' masks (h, w) of a face's proposals; those outside are left out."""
    masks = {}
    for one in proposals:
        if one["name"] in REGIONS:
            mask = torch.from_numpy(rasterised(one["shapes"])).float()
            if bool(mask.any()):
                masks[one["name"]] = mask
    return masks

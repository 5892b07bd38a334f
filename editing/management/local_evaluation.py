"""Local edits of many faces by every method, face by face, going on where a run was stopped."""

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from editing.engine import images
from editing.engine.denoiser import Denoiser
from editing.engine.local_carrying import carried, fitted, outcome, transferred
from editing.engine.local_trials import (
    METHODS,
    Placed,
    Subject,
    Terms,
    Traced,
    Tried,
    at_size,
    compare,
    place,
    traced,
    tuned,
)
from editing.engine.settling import Settled
from editing.management.local_directions import pooled_over, settled_over
from editing.management.local_tables import REACHED, Records
from editing.store import write_whole

REGIONS = ("eyes", "mouth", "hair", "nose")
TUNED_ON = 6
POOLED = 32  # people over whom directions are pooled, those tuned on among them
SHEETS = 8
# Directions of other people, measured on the face that they are brought to.
OF_ANOTHER = ("adapted", "carried_held")
OF_MANY = ("pooled",)
OF_SETTLED = ("settled", "settled_fitted")

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
    settling  faces over which pooled directions are settled, and in how many steps; none: not told
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
        settling: tuple[Sequence[Subject], int] = ((), 0),
    ) -> None:
        self.denoiser, self.exact, self.read = denoiser, exact, read
        self.folder, self.terms, self.n_refined, self.tell = folder, terms, n_refined, tell
        self.tuning, self.pooling, self.settling = list(tuning), list(pooling), settling
        self.sha256 = sha256

    def run(self, subjects: Sequence[Subject]) -> Records:
        records = Records(self.folder / "edits.csv")
        self._take_up()
        refined = {subject.name for subject in subjects[: self.n_refined]}
        waiting = []
        for subject in subjects:
            wanted = self._ways(refines=subject.name in refined)
            told = records.methods_of(subject.name)
            # An order of its own, that of a sheet's rows.
            if missing := [method for method in wanted if method not in told]:
                waiting.append((subject, missing))
        if waiting and not (self.folder / "terms.json").exists():
            self.terms = self._tuned(self.others)
        for number, (subject, missing) in enumerate(waiting, 1):
            records.add(self._face(subject, missing))
            self.tell(number / len(waiting), f"Face {number} of {len(waiting)}")
        return records

    def _ways(self, refines: bool) -> list[str]:
        own = [name for name in METHODS if refines or name != "refined"]
        return [*own, *OF_MANY, *(OF_SETTLED if self.settling[1] else ()), *OF_ANOTHER]

    @cached_property
    def others(self) -> list[Placed]:
        self.tell(0, f"Searching {len(self.tuning)} other faces")
        return [place(self.denoiser, self.exact, one, self.terms) for one in self.tuning]

    @cached_property
    def pooled(self) -> dict[str, torch.Tensor]:
        self.tell(0, "Pooling directions over other faces")
        return pooled_over(
            self.folder / "pooled.safetensors",
            self.denoiser,
            self.exact,
            self.terms,
            lambda: self.others,
            self.pooling,
        )

    @cached_property
    def settled(self) -> dict[str, Settled]:
        return settled_over(
            self.folder / "settled.safetensors",
            self.denoiser,
            self.exact,
            self.terms,
            lambda: self.pooled,
            *self.settling,
            self.tell,
        )

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
        self.tell(0, "Choosing lambda on them")
        ratios = tuned(self.denoiser, placed, self.terms)
        terms = replace(self.terms, regularisation=min(ratios, key=lambda at: ratios[at]))
        told = self._told(terms) | {"tuned": {str(at): value for at, value in ratios.items()}}
        write_whole(self.folder / "terms.json", json.dumps(told, indent=1).encode())
        return terms

    def _face(self, subject: Subject, missing: Sequence[str]) -> list[dict[str, Any]]:
        """One face edited by the ways that are missing; a whole face gets a sheet as well."""
        ratios: Ratios = {}
        tried: list[Tried] = []
        own = [name for name in METHODS if name in missing]
        one: Traced
        if own:
            one = place(self.denoiser, self.exact, subject, self.terms)
            tried = compare(self.denoiser, one, self.terms, own)
            taken = [edit for edit in tried if edit.method != "held"]  # those of "locality" again
            values = transferred(self.denoiser, taken, self._other(subject), self.terms)
            ratios = {(e.region, e.method): told for e, told in zip(taken, values, strict=True)}
        else:
            one = traced(self.denoiser, subject, self.terms)
        brought = self._brought(one, missing)
        for edit in brought:
            mask = subject.masks[edit.region]
            ratios[edit.region, edit.method] = outcome(edit, mask, self.terms.size, REACHED)
        tried += brought
        if "svd" in own:
            self._sheet(one, tried)
        return self._lines(one, tried, ratios)

    def _other(self, subject: Subject) -> Placed:
        # Whose direction is brought here, and where this face's go: by lot, the same at each call.
        return self.others[zlib.crc32(subject.name.encode()) % len(self.others)]

    def _brought(self, one: Traced, missing: Sequence[str]) -> list[Tried]:
        """Edits of a face along directions of other people."""
        regions, for_all = list(one.subject.masks), {}
        if "pooled" in missing:
            for_all |= {(region, "pooled"): self.pooled[region] for region in regions}
        if set(OF_SETTLED) & set(missing):
            here = {region: self.settled[region].facing(one.subject.turn) for region in regions}
            for_all |= {(region, "settled"): v for region, v in here.items()}
            fits = fitted(self.exact, one, here, self.terms)
            for_all |= {(region, "settled_fitted"): v for region, v in fits.items()}
        brought = at_size(self.denoiser, one, for_all, self.terms) if for_all else []
        if set(OF_ANOTHER) & set(missing):
            brought += carried(self.denoiser, self.exact, self._other(one.subject), one, self.terms)
        return [edit for edit in brought if edit.method in missing]

    def _lines(self, one: Traced, tried: Sequence[Tried], ratios: Ratios) -> list[dict[str, Any]]:
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

    def _sheet(self, one: Traced, tried: Sequence[Tried]) -> None:
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

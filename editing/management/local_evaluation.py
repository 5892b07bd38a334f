"""Local edits of many faces by every method, face by face, going on where a run was stopped."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from editing.engine import images
from editing.engine.denoiser import Denoiser
from editing.engine.jacobian import Jacobian
from editing.engine.local_trials import (
    METHODS,
    Placed,
    Subject,
    Terms,
    Tried,
    at_size,
    compare,
    place,
    transferred,
    tuned,
)
from editing.engine.pooling import Seen, pooled
from editing.management.local_tables import Records
from editing.store import write_whole

REGIONS = ("eyes", "mouth", "hair", "nose")
TUNED_ON = 6
TARGETS = 2  # faces to which every direction is carried, of those tuned on
SHEETS = 8


@dataclass(frozen=True)
class Read:
    """What probes say of pictures (n, ...): yaw in degrees, light -1..1, identity unit vectors."""

    yaw: np.ndarray
    light: np.ndarray | None
    identity: np.ndarray | None


class LocalEvaluation:
    """One comparison: its terms and lambda are fixed by the first faces, which are not measured.

    tuning    faces that choose lambda and the pooled directions, and that others are carried to
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
        n_refined: int,
        tell: Callable[[float, str], None],
    ) -> None:
        self.denoiser, self.exact, self.read = denoiser, exact, read
        self.folder, self.terms, self.n_refined, self.tell = folder, terms, n_refined, tell
        self.tuning = list(tuning)
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
        placed = [place(self.denoiser, self.exact, one, self.terms) for one in self.tuning]
        self.tell(0, "Choosing lambda on them")
        self.terms = self._tuned(placed)
        self.tell(0, "Pooling their directions")
        self.pooled = self._pooled(placed)
        self.targets = placed[:TARGETS]

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
        return asdict(terms) | {"generator": self.sha256, "tuning": [s.name for s in self.tuning]}

    def _tuned(self, placed: Sequence[Placed]) -> Terms:
        path = self.folder / "terms.json"
        if path.exists():
            return self.terms
        ratios = tuned(self.denoiser, placed, self.terms)
        terms = replace(self.terms, regularisation=min(ratios, key=lambda at: ratios[at]))
        told = self._told(terms) | {"tuned": {str(at): value for at, value in ratios.items()}}
        write_whole(path, json.dumps(told, indent=1).encode())
        return terms

    def _pooled(self, placed: Sequence[Placed]) -> dict[str, tuple[torch.Tensor, float]]:
        """A direction per region that is local on all tuning faces, and its median strength."""
        jacobians = [Jacobian(self.exact, one.path.x_t[0], self.terms.timestep) for one in placed]
        found = {}
        for region in self.tuning[0].masks:
            seen = [
                Seen(jacobian, one.subject.masks[region], one.span.v[region])
                for one, jacobian in zip(placed, jacobians, strict=True)
                if region in one.subject.masks
            ]
            v = pooled(seen, self.terms.regularisation)
            sizes = [
                at_size(self.denoiser, one, {(region, "pooled"): v}, self.terms)[0].strength
                for one in placed
            ]
            found[region] = (v, float(np.median(sizes)))
        return found

    def _face(self, subject: Subject, refines: bool) -> list[dict[str, Any]]:
        one = place(self.denoiser, self.exact, subject, self.terms)
        methods = [name for name in METHODS if refines or name != "refined"]
        tried = compare(self.denoiser, one, self.terms, methods)
        for_all = {(region, "pooled"): v for region, (v, _) in self.pooled.items()}
        tried += at_size(self.denoiser, one, for_all, self.terms)
        # Held edits have the directions of "locality"; those of "pooled" came from elsewhere.
        carried = [edit for edit in tried if edit.method not in ("held", "pooled")]
        by_target = [
            transferred(self.denoiser, carried, target, self.terms) for target in self.targets
        ]
        ratios = {
            (edit.region, edit.method): np.median(values, axis=0)
            for edit, *values in zip(carried, *by_target, strict=True)
        }
        pooled_here = [
            replace(edit, strength=self.pooled[edit.region][1])
            for edit in tried
            if edit.method == "pooled"
        ]
        told = transferred(self.denoiser, pooled_here, one, self.terms)
        ratios |= {
            (e.region, e.method): np.array(r) for e, r in zip(pooled_here, told, strict=True)
        }
        self._sheet(one, tried)
        return self._lines(one, tried, ratios)

    def _lines(
        self, one: Placed, tried: Sequence[Tried], ratios: dict[tuple[str, str], np.ndarray]
    ) -> list[dict[str, Any]]:
        still = one.path.states[0][:1]
        seen = self.read(torch.cat([still, torch.stack([edit.x for edit in tried])]))
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
                "yaw_shift": round(float(seen.yaw[at] - seen.yaw[0]), 4),
            }
            if seen.light is not None:
                line["light_shift"] = round(float(seen.light[at] - seen.light[0]), 4)
            if seen.identity is not None:
                line["identity"] = round(float(seen.identity[at] @ seen.identity[0]), 4)
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

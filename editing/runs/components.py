"""Where searches and the directions that they found lie on disk, and how they are read again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from editing import places
from editing.engine.discovery import SEARCH_VERSION, Rows, Span
from editing.engine.settling import at_turn, turn_of
from editing.models import Component
from editing.store import write_whole
from labeling.errors import Refused

DIRECTIONS_FILE = "directions.safetensors"
DIRECTIONS_FORMAT = "penumbra-components-1"
TURNING = "turning"
SEARCH_FORMAT = f"penumbra-search-{SEARCH_VERSION}"


@dataclass(frozen=True)
class FoundDirection:
    """A component with what an edit needs of it."""

    v: torch.Tensor  # (C, h, w), of unit length
    mask: torch.Tensor  # (h, w) in 0..1, all ones for a joint direction
    timestep: int
    rows: torch.Tensor  # (r, C, h, w), all of its region by its method, v among them
    turning: torch.Tensor | None = None  # (powers, C, h, w): v as a curve over a head's turn

    def facing(self, landmarks: Sequence[float] | None) -> torch.Tensor:
        """v (C, h, w) for a face with these landmarks."""
        if self.turning is None or not landmarks:
            return self.v
        v = at_turn(self.turning, turn_of(landmarks))
        return v / v.norm()


def direction_of(component: Component) -> FoundDirection:
    """The direction that a component's row names; Refused where its file is gone or another's."""
    job = component.decomposition
    path = Path(job.folder) / DIRECTIONS_FILE
    if not job.folder or not path.is_file():
        raise Refused(
            "directions_gone", f"The directions of search {job.id} are gone; search again."
        )
    with safe_open(path, "pt") as file:
        told = file.metadata() or {}
        wanted = {"format": DIRECTIONS_FORMAT, "generator": job.generator.sha256}
        for key, value in wanted.items():
            if told.get(key) != value:
                raise Refused(
                    "directions_differ", f"{path} has {key} {told.get(key)!r}, not {value!r}."
                )
        name = _name(component.method, component.region)
        rows = file.get_tensor(name)
        curve = f"{name}/{TURNING}"
        turning = None
        if curve in set(file.keys()):
            turning = file.get_tensor(curve)[component.index]
        masks = json.loads(told["masks"])
        all_masks = file.get_tensor("masks")
    mask = (
        all_masks[masks.index(component.region)]
        if component.region
        else torch.ones_like(all_masks[0])
    )
    return FoundDirection(rows[component.index], mask, job.timestep, rows, turning)


def write_directions(
    folder: Path,
    sha256: str,
    masks: Mapping[str, torch.Tensor],
    found: list[Rows],
    turning: Mapping[str, torch.Tensor],
) -> None:
    """Write every direction of a search beside the masks that it was made for.

    turning   (rows, powers, C, h, w) of settled directions by region: curves over a head's turn
    """
    tensors = {_name(rows.method, rows.region): rows.v.contiguous().cpu() for rows in found}
    for region, v in turning.items():
        name = _name(Component.Method.SETTLED, region)
        tensors[f"{name}/{TURNING}"] = v.contiguous().cpu()
    tensors["masks"] = torch.stack(list(masks.values())).contiguous().cpu()
    told = {"format": DIRECTIONS_FORMAT, "generator": sha256, "masks": json.dumps(list(masks))}
    write_whole(folder / DIRECTIONS_FILE, save(tensors, told))


def _name(method: str, region: str) -> str:
    return f"{method}/{region}"


def read_search(key: str) -> Span | None:
    """An equal search that was made before, if its file is there and whole."""
    path = places.search_file(key)
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            if told.get("format") != SEARCH_FORMAT:
                return None
            names = json.loads(told["names"])
            parts = {name: file.get_tensor(name) for name in ("masks", "spectra", "v", "q", "jq")}
    except (OSError, SafetensorError):
        return None
    return Span(
        masks=dict(zip(names, parts["masks"], strict=True)),
        spectra=dict(zip(names, parts["spectra"], strict=True)),
        v=dict(zip(names, parts["v"], strict=True)),
        q=parts["q"],
        jq=parts["jq"],
        h_shape=tuple(json.loads(told["h_shape"])),
        converged=told["converged"] == "True",
        n_sent=int(told["n_sent"]),
    )


def write_search(key: str, span: Span) -> None:
    told = {
        "format": SEARCH_FORMAT,
        "names": json.dumps(list(span.masks)),
        "h_shape": json.dumps(list(span.h_shape)),
        "converged": str(span.converged),
        "n_sent": str(span.n_sent),
    }
    tensors = {
        "masks": torch.stack(list(span.masks.values())),
        "spectra": torch.stack(list(span.spectra.values())),
        "v": torch.stack(list(span.v.values())),
        "q": span.q,
        "jq": span.jq,
    }
    ready = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    write_whole(places.search_file(key), save(ready, told))

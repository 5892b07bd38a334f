"""What a local edit leaves: its files with the recipe inside, and what its frames measure."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine import images
from editing.engine.roir import change, roir, ssim_outside
from editing.models import Edit
from editing.runs.inscribed import animation, png
from editing.runs.measuring import Meter
from editing.runs.provenance import code_version
from editing.store import write_whole

STRIP_SCALE, DIFFERENCE_SCALE = 2, 4
RECIPE_FORMAT = "penumbra-local-edit-1"
OUTLINE = (255, 176, 32)
NOT_MEASURED = "LPIPS: its weights may not be shipped with us"


@dataclass(frozen=True)
class LocalFrames:
    """One edit's pictures: photo and start (c, h, w), frames x (m, c, h, w), region mask (h, w).

    start  what the edit left from: the photo, or the photo turned
    """

    photo: torch.Tensor
    start: torch.Tensor
    x: torch.Tensor
    mask: torch.Tensor


def write(
    folder: Path,
    job: Edit,
    made: LocalFrames,
    meter: Meter,
    settings: dict[str, Any],
    notes: dict[str, Any],
) -> dict[str, Any]:
    """Write every file of a local edit; returns what its row says of them."""
    pictures = images.to_uint8(made.x)
    recipe = recipe_of(job, settings) | notes
    told = measured_frames(job, made, meter)
    for at, frame in enumerate(told):
        frame["file"] = f"frame{at:02d}.png"
        content = png(pictures[at], recipe | {"strength": frame["strength"]})
        write_whole(folder / frame["file"], content)
    strip = images.strip(pictures, [f"{s:+g}" if s else "0" for s in job.strengths], STRIP_SCALE)
    write_whole(folder / "strip.png", png(strip, recipe))
    strongest = int(np.argmax(np.abs(job.strengths)))
    difference = drawn_difference(made.start, made.x[strongest], made.mask)
    write_whole(folder / "difference.png", png(difference, recipe))
    moving = None
    if len(pictures) > 1:
        moving = "animation.webp"
        write_whole(folder / moving, animation(pictures, recipe))
    return {
        "folder": folder.name,
        "frames": told,
        "strip": "strip.png",
        "animation": moving,
        "difference": "difference.png",
        "settings": settings,
        "measured": {
            "at_strength": job.strengths[strongest],
            **{k: v for k, v in told[strongest].items() if k not in ("file", "strength")},
            **before(made, meter),
            **notes,
            "not_measured": NOT_MEASURED,
        },
        "probe": meter.card(),
    }


def measured_frames(job: Edit, made: LocalFrames, meter: Meter) -> list[dict[str, Any]]:
    """Per frame: how large and how local the change is, and what the probes say changed."""
    start = made.start[None]
    seen, still = meter.read(made.x), meter.read(start)
    mask = made.mask.to(made.x)
    sizes, ratios = change(made.start, made.x, mask), roir(made.start, made.x, mask)
    base, frames = images.to_uint8(start)[0], images.to_uint8(made.x)
    whole = bool(made.mask.all())
    sides, side = meter.side(seen.light), meter.side(still.light)
    told = []
    for at, strength in enumerate(job.strengths):
        moved = float(sizes[at]) > 1e-6
        one: dict[str, Any] = {
            "strength": strength,
            "changed_inside": round(float(sizes[at]), 4),
            "roir": round(float(ratios[at]), 4) if moved and not whole else None,
            "ssim_outside": _number(ssim_outside(base, frames[at], made.mask.numpy() > 0.5)),
            "yaw_shift": round(float(seen.yaw_degrees[at] - still.yaw_degrees[0]), 3),
        }
        if sides is not None and side is not None:
            one["light_shift"] = round(float(sides[at] - side[0]), 4)
        if seen.identity is not None and still.identity is not None:
            one["identity"] = round(float(seen.identity[at] @ still.identity[0]), 4)
        told.append(one)
    return told


def before(made: LocalFrames, meter: Meter) -> dict[str, Any]:
    """What the probes say of the unedited face, and of a start that was turned beside the photo."""
    seen = meter.read(torch.stack([made.photo.double(), made.start.double()]))
    told: dict[str, Any] = {"yaw_before": round(float(seen.yaw_degrees[1]), 3)}
    sides = meter.side(seen.light)
    if sides is not None:
        told["light_before"] = round(float(sides[1]), 4)
    turned = float((made.photo - made.start).abs().max()) * 127.5 > 1
    if turned:
        told["yaw_turned"] = round(float(seen.yaw_degrees[1] - seen.yaw_degrees[0]), 3)
    return told


def recipe_of(job: Edit, settings: dict[str, Any]) -> dict[str, Any]:
    """All that an edit follows from."""
    component = job.component
    search = component.decomposition
    return {
        "format": RECIPE_FORMAT,
        "face": job.face.filename,
        "dataset": job.face.dataset.name,
        "generator": {"name": search.generator.name, "sha256": search.generator.sha256},
        "direction": {
            "name": component.name,
            "method": component.method,
            "region": component.region,
            "index": component.index,
            "search_sha256": search.sha256,
            "found_on": search.face.filename,
        },
        "regions": search.regions,
        "timestep": search.timestep,
        "steps": search.steps,
        "refinements": search.refinements,
        "strengths": job.strengths,
        **settings,
        "code": code_version(),
    }


def drawn_difference(start: torch.Tensor, x: torch.Tensor, mask: torch.Tensor) -> NDArray[np.uint8]:
    """How much each pixel changed, brighter = more, enlarged, with the region outlined."""
    off = (x.clamp(-1, 1) - start.clamp(-1, 1)).abs().mean(0)  # (h, w)
    most = float(off.max())
    grey = (255 * off / most if most > 0 else off).to(torch.uint8).numpy()
    large = np.kron(grey, np.ones((DIFFERENCE_SCALE, DIFFERENCE_SCALE), np.uint8))
    drawn = np.repeat(large[..., None], 3, axis=-1)
    inside = np.kron(mask.numpy() > 0.5, np.ones((DIFFERENCE_SCALE, DIFFERENCE_SCALE), bool))
    if not inside.all():
        around = np.pad(inside, 1, "edge")
        core = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
        drawn[inside & ~core] = OUTLINE
    return drawn


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None

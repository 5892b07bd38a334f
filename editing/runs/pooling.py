"""Directions of a search that are local on other faces as well, each with its own regions."""

from collections.abc import Callable, Mapping

import torch

from editing.engine import images
from editing.engine.alignment import carried
from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.discovery import REST, Rows, Span, signed
from editing.engine.pooling import pooled, seen
from editing.engine.regions import masks_of
from editing.models import Decomposition
from editing.runs.loading import crops_of
from labeling.errors import Refused
from labeling.models import Face

INVERTING = 0.3  # of this part's share of the progress
FEWEST = 2


def pooled_rows(
    job: Decomposition,
    quick: Denoiser,
    exact: Denoiser,
    path: Inversion,
    span: Span,
    kept: int,
    tell: Callable[[float], None],
) -> list[Rows]:
    """Rows of each region that are the most local over the searched face and those of its pool.

    quick, exact  the network to invert with, and the same in float32
    path          the searched face's
    kept          rows per region
    raises        Refused where the regions lie within too few of the faces
    """
    paths = [path]
    regions: list[Mapping[str, torch.Tensor]] = [
        {name: mask for name, mask in span.masks.items() if name != REST}
    ]
    others = Face.objects.in_bulk(job.pool["ids"])
    grid = time_grid(quick.alpha_bar, job.steps, job.timestep)
    for number, face_id in enumerate(job.pool["ids"], 1):
        masks = _masks_on(job, others.get(face_id), quick.image_size)
        if masks is not None:
            photo = images.to_tensor(crops_of([face_id], quick.image_size)).to(quick.device)
            paths.append(trace(quick, photo, grid, job.refinements))
            regions.append(masks)
        tell(INVERTING * number / len(job.pool["ids"]))
    if len(paths) <= FEWEST:
        raise Refused(
            "too_few_faces",
            f"The regions lie within {len(paths) - 1} of the pool's {len(job.pool['ids'])} faces; "
            f"expected {FEWEST} or more.",
        )
    faces = seen(exact, paths, regions, grid)
    found = pooled(
        faces,
        span.q,
        rank=kept,
        on_step=lambda done, n: tell(INVERTING + (1 - INVERTING) * done / n),
    )
    rows = []
    for region, one in found.items():
        change = (
            faces[0].jacobian.forward(one.v.flatten(1)).reshape(len(one.v), *path.x_t.shape[1:])
        )
        row = signed(region, "pooled", one.v, change, span.masks[region])
        # Not on the searched face alone: how local a row usually is tells what it was sought for.
        usual = one.locality.median(dim=1).values
        rows.append(Rows(region, row.method, row.v, row.change, row.singular_value, usual))
    return rows


def _masks_on(
    job: Decomposition, face: Face | None, size: int
) -> Mapping[str, torch.Tensor] | None:
    """The search's regions on another face, or None where one of them is not seen there."""
    if face is None or not face.landmarks or not job.face.landmarks:
        return None
    try:
        shapes = [
            {**one, "shapes": carried(one["shapes"], job.face.landmarks, face.landmarks)}
            for one in job.regions
        ]
        drawn = masks_of(shapes, size, size, REST)
    except ValueError:
        return None
    drawn.pop(REST, None)
    return {name: torch.from_numpy(mask).to(torch.float32) for name, mask in drawn.items()}

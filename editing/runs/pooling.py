"""Directions of a search that are local on other faces as well, each with its own regions."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from editing.engine import images
from editing.engine.alignment import carried
from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.discovery import REST, Rows, Span, signed
from editing.engine.pooling import Seen, pooled, seen
from editing.engine.regions import masks_of
from editing.engine.settling import STEPS, Learned, Settled, coarse, settled, turn_of
from editing.models import Decomposition
from editing.runs.loading import crops_of
from labeling.errors import Refused
from labeling.models import Face

# Of this part's share of the progress: pooling where settling follows, and paths in each of them.
POOLING, INVERTING, SHARE_OF_PATHS = 0.2, 0.3, 0.1
FEWEST = 2
POOLED = 40  # faces whose effects are kept at hand; what more there are is only settled over
# What the size of edits is while directions are settled: root mean square inside, of -1..1.
SIZE = 0.12
SETTLING_STEPS = STEPS
# The way back starts from the way there turned round, and takes so much of its steps.
SHARE_BACK = 0.5

Tell = Callable[[float, str], None]


def rows_of_many(
    job: Decomposition,
    quick: Denoiser,
    exact: Denoiser,
    path: Inversion,
    span: Span,
    kept: int,
    tell: Tell,
) -> tuple[list[Rows], dict[str, torch.Tensor]]:
    """Rows of each region that are the most local over the searched face and those of its pool.

    quick, exact  the network to invert with, and the same in float32
    path          the searched face's
    kept          rows per region
    returns       beside the rows, of settled ones their curves over heads' turns, by region
                  (rows, powers, C, h, w)
    raises        Refused where the regions lie within too few of the faces
    """
    own = Learned(path, {name: mask for name, mask in span.masks.items() if name != REST})
    settles = bool(job.pool.get("settle"))
    end = POOLING if settles else 1.0

    def looking(share: float) -> None:
        tell(INVERTING * end * share, "Finding other faces' latents")

    def pooling(done: int, n: int) -> None:
        share = INVERTING + (1 - INVERTING) * done / n
        tell(end * share, "Pooling directions over other faces")

    some = [own, *_gathered(job, quick, job.pool["ids"][:POOLED], job.steps, looking)]
    grid = time_grid(quick.alpha_bar, job.steps, job.timestep)
    looked = seen(exact, [one.path for one in some], [one.masks for one in some], grid)
    found = pooled(looked, span.q, rank=kept, on_step=pooling)
    rows = [
        _rows(looked[0], region, "pooled", one.v, one.locality, span)
        for region, one in found.items()
    ]
    if not settles:
        return rows, {}
    start = {row.region: row.v[0] for row in rows}
    settled_rows, turning = _settled(job, quick, exact, looked, start, span, tell)
    return [*rows, *settled_rows], turning


def _settled(
    job: Decomposition,
    quick: Denoiser,
    exact: Denoiser,
    looked: list[Seen],
    start: Mapping[str, torch.Tensor],
    span: Span,
    tell: Tell,
) -> tuple[list[Rows], dict[str, torch.Tensor]]:
    """Two rows of each region, settled over the pool, and the curves that they lie on.

    A direction that was settled on its + side seldom holds on the other one: so the first starts
    from `start`, the second from the first turned round, and both are for their + side.
    """

    def looking(share: float) -> None:
        tell(POOLING + (1 - POOLING) * SHARE_OF_PATHS * share, "Finding other faces' latents")

    steps = coarse(job.steps)
    faces = _gathered(job, quick, job.pool["ids"], steps, looking)
    grid = time_grid(quick.alpha_bar, steps, job.timestep)
    n_back = max(round(SHARE_BACK * SETTLING_STEPS), 1)

    def settling(before: int) -> Callable[[int, int], None]:
        def on_step(done: int, _: int) -> None:
            share = (before + done) / (SETTLING_STEPS + n_back)
            share = SHARE_OF_PATHS + (1 - SHARE_OF_PATHS) * share
            tell(POOLING + (1 - POOLING) * share, "Settling directions at visible size")

        return on_step

    def way(begin: Mapping[str, torch.Tensor], n_steps: int, before: int) -> dict[str, Settled]:
        told = settling(before)
        return settled(exact, faces, grid, begin, size=SIZE, steps=n_steps, on_step=told)

    there = way(start, SETTLING_STEPS, 0)
    back = way({name: -curve.v for name, curve in there.items()}, n_back, SETTLING_STEPS)
    turn, rows, turning = turn_of(job.face.landmarks), [], {}
    for region in there:
        curves = (there[region], back[region])
        v = torch.stack([curve.facing(turn) / curve.facing(turn).norm() for curve in curves])
        row = _rows(looked[0], region, "settled", v, _locality(looked[0], region, v), span)
        # The rule of signs may not swap the side that they were settled on for the other.
        side = torch.sign((row.v * v).sum(dim=(1, 2, 3)))[:, None, None, None]
        rows.append(replace(row, v=side * row.v, change=side * row.change))
        turning[region] = torch.stack([curve.v for curve in curves])
    return rows, turning


def _gathered(
    job: Decomposition, quick: Denoiser, ids: list[int], steps: int, tell: Callable[[float], None]
) -> list[Learned]:
    """Those of some faces that show all regions, on a grid of so many steps."""
    found = []
    others = Face.objects.in_bulk(ids)
    grid = time_grid(quick.alpha_bar, steps, job.timestep)
    for number, face_id in enumerate(ids, 1):
        face = others.get(face_id)
        masks = _masks_on(job, face, quick.image_size)
        if face is not None and masks is not None:
            photo = images.to_tensor(crops_of([face_id], quick.image_size)).to(quick.device)
            path = trace(quick, photo, grid, job.refinements)
            found.append(Learned(path, masks, turn_of(face.landmarks)))
        tell(number / len(ids))
    if len(found) < FEWEST:
        raise Refused(
            "too_few_faces",
            f"The regions lie within {len(found)} of the pool's {len(ids)} faces; "
            f"expected {FEWEST} or more.",
        )
    return found


def _rows(
    first: Seen, region: str, method: str, v: torch.Tensor, locality: torch.Tensor, span: Span
) -> Rows:
    """Directions v (r, C, h, w) as rows, seen from the searched face.

    locality   (r, faces): not on the searched face alone; how local a row usually is tells what
               it was sought for
    """
    jacobian = first.jacobian
    change = jacobian.forward(v.flatten(1)).reshape(len(v), *jacobian.output_shape)
    row = signed(region, method, v, change, span.masks[region])
    usual = locality.median(dim=1).values
    return Rows(region, row.method, row.v, row.change, row.singular_value, usual)


def _locality(one: Seen, region: str, v: torch.Tensor) -> torch.Tensor:
    """How local directions (r, C, h, w) are on one face, linearised: (r, 1)."""
    effect = one.jacobian.forward(v.flatten(1)).reshape(len(v), *one.jacobian.output_shape)
    mask = one.masks[region].to(effect)
    inside, outside = ((effect * part).flatten(1).norm(dim=1) for part in (mask, 1 - mask))
    return (inside / outside.clamp(min=torch.finfo(effect.dtype).tiny))[:, None]


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
        turn_of(face.landmarks)  # a face whose landmarks tell no turn is left out, too
    except ValueError:
        return None
    drawn.pop(REST, None)
    return {name: torch.from_numpy(mask).to(torch.float32) for name, mask in drawn.items()}

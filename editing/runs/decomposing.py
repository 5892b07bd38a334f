"""Search a face for directions that act on one region, and show each as soon as it can be seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from django.db import transaction

from editing import places
from editing.engine import images
from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser, load_denoiser
from editing.engine.discovery import (
    METHODS,
    REST,
    Discovered,
    Rows,
    Span,
    rows_of,
    search,
    search_key,
    usually_sent,
    with_rest,
)
from editing.engine.previews import tiles
from editing.engine.regions import masks_of
from editing.engine.responding import responding
from editing.engine.splitting import check_splits
from editing.models import Component, Decomposition
from editing.runs.components import read_search, write_directions, write_search
from editing.runs.loading import crops_of, denoiser_of, device
from editing.runs.pooling import rows_of_many
from editing.store import write_whole
from labeling.errors import Refused
from labeling.worker import Progress, Stopped

KEPT = 5  # directions per region and method that become rows; weaker ones move grain, not shape
SHOWN = KEPT  # of these, and of the joint ones, get a preview; the strongest of each come first
AT_ONCE = 4  # previews; the first comes alone, so that there is something to see soon
INVERTED, SEARCHED, POOLED = 0.05, 0.25, 0.6  # shares of the progress bar
PREVIEW_SCALE = 2


def decompose(job: Decomposition, progress: Progress) -> None:
    """Find a face's directions, write them as rows, then their previews one after another."""
    progress(0, "Loading the generator")
    denoiser = denoiser_of(job.generator)
    check_splits(denoiser.unet)
    masks = _masks(job, denoiser)
    path, grid = _inverted(job, denoiser, progress)
    span = _searched(job, path, masks, progress)
    found = _found(job, span)
    # Each attempt writes its own folder, so that one that was given up never spoils the next.
    folder = places.decomposition_folder(job.id) / str(job.attempt)
    every = [rows for one in found.values() for rows in _rows_of(one)]
    shown_from, turning = SEARCHED, {}
    if job.pool:
        shown_from = POOLED

        def tell(share: float, step: str) -> None:
            progress(SEARCHED + (POOLED - SEARCHED) * share, step)

        rows, turning = rows_of_many(job, denoiser, exact(job), path, span, KEPT, tell)
        every += rows
    write_directions(folder, job.generator.sha256, span.masks, every, turning)
    proposed = responding(span.jq.float().cpu().numpy())
    write_whole(folder / places.PROPOSED_FILE, json.dumps(proposed).encode())
    result = _written(job, progress, span, found["jive"], every, folder)
    _preview(denoiser, path, grid, span, every, folder, result, progress, shown_from)


def exact(job: Decomposition) -> Denoiser:
    """The network in float32: singular vectors need more digits than pictures do."""
    return load_denoiser(Path(job.generator.folder), device(), torch.float32)


def _masks(job: Decomposition, denoiser: Denoiser) -> dict[str, torch.Tensor]:
    size = denoiser.image_size
    drawn = masks_of(job.regions, size, size, REST)
    drawn.pop(REST, None)
    masks = {name: torch.from_numpy(mask).to(torch.float32) for name, mask in drawn.items()}
    return with_rest(masks, (size, size))


def _inverted(
    job: Decomposition, denoiser: Denoiser, progress: Progress
) -> tuple[Inversion, tuple[int, ...]]:
    # Found anew, whether or not the store has the face's latent: previews need the way there, too.
    grid = time_grid(denoiser.alpha_bar, job.steps, job.timestep)
    photo = images.to_tensor(crops_of([job.face_id], denoiser.image_size)).to(denoiser.device)
    path = trace(
        denoiser,
        photo,
        grid,
        job.refinements,
        lambda done, steps: progress(INVERTED * done / steps, "Finding the face's latent"),
    )
    return path, grid


def _searched(
    job: Decomposition,
    path: Inversion,
    masks: dict[str, torch.Tensor],
    progress: Progress,
) -> Span:
    x_t = path.x_t[0]
    key = search_key(job.generator.sha256, x_t, job.timestep, masks, job.rank)
    if span := read_search(key):
        return span
    expected = usually_sent(len(masks), job.rank)

    def tell(n_sent: int) -> None:
        share = min(n_sent / expected, 1)
        progress(INVERTED + (SEARCHED - INVERTED) * share, "Searching the network's Jacobian")

    given = {name: mask for name, mask in masks.items() if name != REST}
    span = search(exact(job), x_t, job.timestep, given, job.rank, on_sent=tell)
    write_search(key, span)
    return span


def _found(job: Decomposition, span: Span) -> dict[str, Discovered]:
    ranks = {"joint_rank": job.joint_rank, "individual_rank": job.individual_rank}
    return {method: rows_of(span, method, **ranks) for method in METHODS}


def _rows_of(found: Discovered) -> Iterator[Rows]:
    yield from (rows for name, rows in found.regions.items() if name != REST)
    if found.joint is not None:
        yield found.joint


def _written(
    job: Decomposition,
    progress: Progress,
    span: Span,
    jive: Discovered,
    every: list[Rows],
    folder: Path,
) -> dict[str, Any]:
    """Make a row of each direction, in place of an earlier attempt's; returns the row's result."""
    with transaction.atomic():
        if not progress.ours.filter(cancel_requested=False).select_for_update().exists():
            raise Stopped
        Component.objects.filter(decomposition=job).delete()
        made = Component.objects.bulk_create(
            Component(
                decomposition=job,
                method=rows.method,
                region=rows.region,
                index=index,
                singular_value=float(rows.singular_value[index]),
                locality=float(rows.locality[index]),
            )
            for rows in every
            for index in range(min(KEPT, len(rows.v)))
        )
        told = [
            {
                "id": row.id,
                "region": row.region,
                "method": row.method,
                "index": row.index,
                "singular_value": round(row.singular_value, 6),
                "locality": round(row.locality, 4),
            }
            for row in made
        ]
        result = {
            "folder": folder.name,
            "converged": span.converged,
            "products": span.n_sent,
            "regions": [
                {
                    "name": name,
                    "spectrum": [round(float(s), 6) for s in spectrum],
                    "joint_rank": jive.joint_rank,
                    "individual_rank": jive.individual_ranks[name],
                }
                for name, spectrum in span.spectra.items()
            ],
            "components": told,
        }
        progress.ours.update(result=result, folder=str(folder))
    return result


def _preview(
    denoiser: Denoiser,
    path: Inversion,
    grid: tuple[int, ...],
    span: Span,
    every: list[Rows],
    folder: Path,
    result: dict[str, Any],
    progress: Progress,
    begun: float,
) -> None:
    """Draw previews few at a time; what each batch shows stands on the row before the next."""
    told = {(one["method"], one["region"], one["index"]): one for one in result["components"]}
    # The strongest of every region and method first, so that a look covers all of them early.
    wanted = [(rows, index) for index in range(SHOWN) for rows in every if index < len(rows.v)]
    done = 0
    while done < len(wanted):
        batch = wanted[done : done + (AT_ONCE if done else 1)]
        whole = torch.ones_like(next(iter(span.masks.values())))
        masks = [span.masks.get(rows.region, whole) for rows, _ in batch]
        pictures, strengths = tiles(
            denoiser,
            path,
            grid,
            torch.stack([rows.v[index] for rows, index in batch]).to(denoiser.device),
            torch.stack(masks)[:, None].to(denoiser.device),
        )
        for number, (rows, index) in enumerate(batch):
            one = told[rows.method, rows.region, index]
            one["strength"] = round(float(strengths[number]), 4)
            one["preview"] = f"preview{one['id']}.png"
            strip = images.strip(pictures[number], scale=PREVIEW_SCALE)
            write_whole(folder / one["preview"], images.png(strip))
        done += len(batch)
        if not progress.ours.filter(cancel_requested=False).update(result=result):
            raise Stopped
        progress(begun + (1 - begun) * done / len(wanted), "Drawing previews")
    if not wanted:
        raise Refused("no_directions", "The search found no direction.")

"""Directions that many people were asked for, found once and kept beside a run's edits."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from editing.engine.ddim import time_grid
from editing.engine.denoiser import Denoiser
from editing.engine.discovery import rows_of
from editing.engine.local_trials import Placed, Subject, Terms, traced
from editing.engine.pooling import pooled, seen
from editing.engine.settling import Learned, Settled, coarse, settled
from editing.store import write_whole

STARTS = 3  # directions per region of each searched face from which pooling begins


def pooled_over(
    path: Path,
    denoiser: Denoiser,
    exact: Denoiser,
    terms: Terms,
    searched: Callable[[], Sequence[Placed]],
    further: Sequence[Subject],
) -> dict[str, torch.Tensor]:
    """A direction (C, h, w) per region that is local on all those faces.

    searched   gives those whose own directions are the start; not called where the file is there
    """
    if path.exists():
        return dict(load_file(path))
    placed = searched()
    grid = time_grid(denoiser.alpha_bar, terms.steps, terms.timestep)
    every = [*placed, *(traced(denoiser, subject, terms) for subject in further)]
    faces = seen(exact, [one.path for one in every], [one.subject.masks for one in every], grid)
    found = [rows_of(one.span, "locality").regions for one in placed]
    regions = list(placed[0].subject.masks)
    start = torch.cat([rows[name].v[:STARTS].flatten(1) for rows in found for name in regions])
    best = {region: one.v[0].cpu() for region, one in pooled(faces, start).items()}
    write_whole(path, save({region: v.contiguous() for region, v in best.items()}))
    return best


def settled_over(
    path: Path,
    denoiser: Denoiser,
    exact: Denoiser,
    terms: Terms,
    start: Callable[[], dict[str, torch.Tensor]],
    subjects: Sequence[Subject],
    steps: int,
    tell: Callable[[float, str], None],
) -> dict[str, Settled]:
    """A direction per region that is settled at the terms' size over those faces, by their turn.

    raises   ValueError where the file was made from other faces, or in another number of steps
    """
    asked: dict[str, Any] = {"faces": [one.name for one in subjects], "steps": steps}
    beside = path.with_suffix(".json")
    if path.exists():
        told = json.loads(beside.read_text())
        if {name: told[name] for name in asked} != asked:
            raise ValueError(
                f"{path} was settled over {len(told['faces'])} faces in {told['steps']} steps, "
                f"not over {len(subjects)} such in {steps}; choose another folder."
            )
        kept = load_file(path)
        return {name: Settled(kept[name], told["strengths"][name]) for name in kept}
    faces, terms = [], replace(terms, steps=coarse(terms.steps))
    for number, subject in enumerate(subjects, 1):
        one = traced(denoiser, subject, terms)
        faces.append(Learned(one.path, subject.masks, subject.turn))
        tell(0, f"Inverting face {number} of {len(subjects)}")
    grid = time_grid(denoiser.alpha_bar, terms.steps, terms.timestep)
    found = settled(
        exact,
        faces,
        grid,
        start(),
        size=terms.size,
        steps=steps,
        interval=terms.interval,
        on_step=lambda done, n: tell(0, f"Settling directions, step {done} of {n}"),
    )
    strengths = {name: round(one.strength, 4) for name, one in found.items()}
    write_whole(beside, json.dumps(asked | {"strengths": strengths}).encode())
    write_whole(path, save({name: one.v.contiguous().cpu() for name, one in found.items()}))
    return found

"""Change one region of one face: its path, what pushes it, its frames and what they measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from editing import places
from editing.engine import images
from editing.engine.adapting import adapted
from editing.engine.alignment import carried
from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.jacobian import Jacobian
from editing.engine.local_edits import DEFAULT_FORM, Push, default_interval, edited, nearer
from editing.engine.regions import feather, rasterise
from editing.filters import FaceFilter
from editing.models import Component, Direction, Edit
from editing.runs.components import FoundDirection, direction_of
from editing.runs.decomposing import exact
from editing.runs.loading import crops_of, denoiser_of
from editing.runs.local_results import LocalFrames, write
from editing.runs.measuring import Meter, meter_of
from editing.runs.rendering import source_of, turner_of
from labeling.errors import Refused
from labeling.models import Face
from labeling.worker import Progress

BATCH = 16
# Pixels of a 64x64 picture over which a held outside gives way.
FEATHER = 1.0


@dataclass(frozen=True)
class Setting:
    """One face in one generator, ready to be pushed: its path on a grid, and where it ends."""

    denoiser: Denoiser
    grid: tuple[int, ...]
    path: Inversion
    timestep: int

    def bottleneck(self) -> torch.Tensor:
        """h (C, h, w) of the face at the timestep at which directions were found."""
        h, _ = self.denoiser.encode(self.path.x_t, self.timestep)
        return h[0].detach().double()


def edit_locally(job: Edit, progress: Progress) -> None:
    """Make a local edit's frames in a folder of this attempt, then name them on the row."""
    component = job.component
    search = component.decomposition
    progress(0, "Loading the generator")
    denoiser = denoiser_of(search.generator)
    found = direction_of(component)
    meter = meter_of(
        job.face.dataset,
        FaceFilter.parse({"dataset": job.face.dataset.name}),
        denoiser.image_size,
        progress,
        identity=True,
    )
    photo = photo_of(job.face, denoiser)
    start = turned(job, photo, meter, progress)
    setting = placed(component, denoiser, start, progress)
    direction, notes = direction_for(job, setting, found)
    others = composed(job)
    masks = [mask_for(one, job.face, denoiser) for one in [component, *(c for c, _ in others)]]
    facing = [direction_of(one).facing(job.face.landmarks) for one, _ in others]
    directions = [direction, *facing]
    if job.settings.get("adapt"):
        progress(0.3, "Fitting directions to the face")
        regions = [one.region for one in (component, *(c for c, _ in others))]
        directions, notes["adapted"] = fitted(job, setting, directions, masks, regions)
    mask = torch.stack(masks).amax(0)
    pushed = list(zip(directions, [None, *(strength for _, strength in others)], strict=True))
    x = frames_of(job, setting, pushed, mask, progress)
    progress(0.92, "Measuring and writing")
    settings = told_settings(job, setting)
    # Each attempt writes its own folder, so that one that was given up never spoils the next.
    folder = places.edit_folder(job.id) / str(job.attempt)
    made = LocalFrames(photo[0], setting.path.states[0][0].cpu(), x, mask)
    progress.ours.update(result=write(folder, job, made, meter, settings, notes))


def photo_of(face: Face, denoiser: Denoiser) -> torch.Tensor:
    """The face's crop (1, c, h, w) in [-1, 1]."""
    return images.to_tensor(crops_of([face.id], denoiser.image_size))


def placed(
    component: Component, denoiser: Denoiser, start: torch.Tensor, progress: Progress
) -> Setting:
    """A picture (1, c, h, w) with its whole path, on the grid on which the search was made."""
    search = component.decomposition
    grid = time_grid(denoiser.alpha_bar, search.steps, search.timestep)
    path = trace(
        denoiser,
        start.to(denoiser.device),
        grid,
        search.refinements,
        lambda done, steps: progress(0.1 + 0.2 * done / steps, "Finding the face's latent"),
    )
    return Setting(denoiser, grid, path, search.timestep)


def direction_for(
    job: Edit, setting: Setting, found: FoundDirection
) -> tuple[torch.Tensor, dict[str, Any]]:
    """What pushes: the component, or what in its region's rows leads to the reference face."""
    if job.reference is None:
        return found.facing(job.face.landmarks), {}
    there = photo_of(job.reference, setting.denoiser).to(setting.denoiser.device)
    theirs = Setting(
        setting.denoiser, setting.grid, trace(setting.denoiser, there, setting.grid), found.timestep
    )
    h = setting.bottleneck()
    rows = found.rows.flatten(1).to(h)
    direction = nearer(h, theirs.bottleneck(), rows)
    whole = float(direction.norm() / h.norm())
    return direction.cpu(), {
        "reference": job.reference.filename,
        # All of the difference that the region's directions can make up.
        "reference_strength": round(whole, 4),
        "reference_rows": len(rows),
    }


def fitted(
    job: Edit,
    setting: Setting,
    directions: Sequence[torch.Tensor],
    masks: Sequence[torch.Tensor],
    regions: Sequence[str],
) -> tuple[list[torch.Tensor], list[float]]:
    """Directions fitted to the face; those of the whole face stay.

    returns  directions whose lengths are what strengths are to be multiplied by, and the lengths
    raises   Refused for one that does nothing in its region here
    """
    found = [v / v.norm() for v in directions]
    chosen = [at for at, region in enumerate(regions) if region]
    jacobian = Jacobian(exact(job.component.decomposition), setting.path.x_t[0], setting.timestep)
    v = torch.stack([found[at] for at in chosen]).to(jacobian.device, jacobian.dtype)
    try:
        made = adapted(jacobian, v, torch.stack([masks[at] for at in chosen]))
    except ValueError as error:
        raise Refused("no_effect", f"{job.face.filename}: {error}") from None
    for at, one in zip(chosen, made.cpu(), strict=True):
        found[at] = one
    return found, [round(float(v.norm()), 4) for v in found]


def composed(job: Edit) -> list[tuple[Component, float]]:
    """The other components of an edit with the strength of each."""
    steps = [step for step in job.settings.get("compose", []) if "component" in step]
    rows = Component.objects.select_related("decomposition__generator", "decomposition__face")
    found = rows.in_bulk([step["component"] for step in steps])
    if missing := {step["component"] for step in steps} - found.keys():
        raise Refused("component_gone", f"Direction {min(missing)} is gone; search again.")
    return [(found[step["component"]], float(step["strength"])) for step in steps]


def turned(job: Edit, photo: torch.Tensor, meter: Meter, progress: Progress) -> torch.Tensor:
    """The picture (1, c, h, w) that a local edit starts from: the photo, turned if asked."""
    for step in job.settings.get("compose", []):
        if "direction" not in step:
            continue
        direction = Direction.objects.select_related("generator", "dataset").get(
            id=step["direction"]
        )
        turner, recipe = turner_of(direction)
        source = source_of(job.face, direction, turner.denoiser, recipe, meter, progress)
        frames = turner.frames(
            source, [float(step["degrees"])], lambda share: progress(0.1 * share, "Turning")
        )
        photo = frames.x.float().clamp(-1, 1)
    return photo


def mask_for(component: Component, face: Face, denoiser: Denoiser) -> torch.Tensor:
    """A component's region (h, w) in 0..1 on a face, carried there by landmarks where it's another.

    raises  Refused where the region cannot be found on this face
    """
    size, search = denoiser.image_size, component.decomposition
    if not component.region:
        return torch.ones(size, size)
    shapes = {one["name"]: one["shapes"] for one in search.regions}[component.region]
    if face.id != search.face_id:
        if not (face.landmarks and search.face.landmarks):
            raise Refused(
                "no_landmarks",
                f"Region {component.region!r} cannot be carried to {face.filename}: "
                "one of the two faces has no landmarks.",
            )
        shapes = carried(shapes, search.face.landmarks, face.landmarks)
    mask = torch.from_numpy(rasterise(shapes, size, size)).float()
    if not bool(mask.any()):
        raise Refused(
            "region_outside", f"Region {component.region!r} lies outside of {face.filename}."
        )
    return mask


def frames_of(
    job: Edit,
    setting: Setting,
    pushed: Sequence[tuple[torch.Tensor, float | None]],
    mask: torch.Tensor,
    progress: Progress,
) -> torch.Tensor:
    """The frames (m, c, h, w) of an edit, one per strength, in batches that fit the device.

    pushed  directions with the strength of each in all frames; None: the frame's own
    """
    on = setting.denoiser.device
    # Where a direction was fitted, its length says how much further to push for the same effect.
    gains = [float(v.norm()) if job.settings.get("adapt") else 1.0 for v, _ in pushed]
    hold = None
    if job.settings.get("hold_outside"):
        radius = FEATHER * setting.denoiser.image_size / 64
        soft = feather(mask.numpy() > 0.5, radius)
        hold = torch.from_numpy(soft).to(on)
    made = []
    for at in range(0, len(job.strengths), BATCH):
        some = torch.tensor(job.strengths[at : at + BATCH], dtype=torch.float64, device=on)
        pushes = [
            Push(v.to(on), gain * (some if strength is None else torch.full_like(some, strength)))
            for (v, strength), gain in zip(pushed, gains, strict=True)
        ]
        made.append(
            edited(
                setting.denoiser,
                setting.path,
                setting.grid,
                pushes,
                form=job.settings.get("form", DEFAULT_FORM),
                interval=_interval(job, setting),
                hold=hold,
                on_step=_told(progress, at, len(job.strengths)),
            ).cpu()
        )
    return torch.cat(made)


def _told(progress: Progress, at: int, n: int) -> Callable[[int, int], None]:
    def tell(done: int, steps: int) -> None:
        share = min((at + BATCH * done / steps) / n, 1.0)
        progress(0.3 + 0.6 * share, "Changing the region")

    return tell


def _interval(job: Edit, setting: Setting) -> tuple[int, int]:
    if wished := job.settings.get("interval"):
        return (int(wished[0]), int(wished[1]))
    return default_interval(setting.grid)


def told_settings(job: Edit, setting: Setting) -> dict[str, Any]:
    """How the edit was made, what nobody said included."""
    low, high = _interval(job, setting)
    return {
        "form": job.settings.get("form", DEFAULT_FORM),
        "interval": [low, high],
        "hold_outside": bool(job.settings.get("hold_outside")),
        "adapt": bool(job.settings.get("adapt")),
        "compose": job.settings.get("compose", []),
    }

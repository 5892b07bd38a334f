"""Write what a page of the explorer shows as files: figures, tables, strips, the recipe, a zip."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from editing import faces, figures, places
from editing.filters import FaceFilter
from editing.models import Direction, Edit, FigureSet
from editing.runs import inscribed
from editing.runs.provenance import recipe_of_direction, recipe_of_edit, recipe_of_selection
from editing.store import write_whole
from labeling.errors import Refused
from labeling.worker import Progress

YAW_EDGES = tuple(float(edge) for edge in range(-60, 61, 5))
RECIPE, ZIP = "recipe.json", "figures.zip"
# What is kept of an edit as it is: the result's key, and what it is called in the zip.
KEPT = {"strip": "frames", "animation": "animation", "video": "film"}
# Every file of a zip bears this moment, so that equal files make an equal zip.
NO_MOMENT = (1980, 1, 1, 0, 0, 0)


class Folder:
    """Where one attempt writes; remembers what it wrote, for the row.

    recipe  what every figure holds inside
    """

    def __init__(self, path: Path, recipe: dict[str, Any]) -> None:
        self.path, self.recipe = path, recipe
        self.figures: list[dict[str, Any]] = []
        self.tables: list[str] = []

    def figure(self, name: str, title: str, drawn: Figure) -> None:
        files = {}
        for kind, content in inscribed.figure(drawn, self.recipe).items():
            files[kind] = f"{name}.{kind}"
            write_whole(self.path / files[kind], content)
        self.figures.append({"name": name, "title": title, "files": files})

    def table(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """A CSV file with a column for each key that holds no list or object."""
        columns = list(
            dict.fromkeys(
                key
                for row in rows
                for key, value in row.items()
                if not isinstance(value, list | dict)
            )
        )
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path / f"{name}.csv", out.getvalue().encode())
        self.tables.append(f"{name}.csv")

    def zipped(self) -> None:
        """Everything written so far as one zip, in the order of the names."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as whole:
            for file in sorted(self.path.iterdir()):
                if file.name != ZIP:
                    whole.writestr(zipfile.ZipInfo(file.name, NO_MOMENT), file.read_bytes())
        write_whole(self.path / ZIP, out.getvalue())


def draw_figures(job: FigureSet, progress: Progress) -> None:
    """Draw every figure there is something for, then name the files on the row."""
    recipe = _recipe(job)
    folder = Folder(places.figures_folder(job.id) / str(job.attempt), _kept_inside(recipe))
    steps = list(_steps(job, folder))
    for at, (told, step) in enumerate(steps):
        progress(at / (len(steps) + 1), told)
        step()
    progress(len(steps) / (len(steps) + 1), "Packing")
    write_whole(folder.path / RECIPE, json.dumps(recipe, indent=1).encode())
    folder.zipped()
    progress.ours.update(
        result={
            "folder": folder.path.name,
            "figures": folder.figures,
            "tables": folder.tables,
            "recipe": RECIPE,
            "zip": ZIP,
        }
    )


def _steps(job: FigureSet, folder: Folder) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "Counting faces", lambda: _selection(job, folder)
    if job.mean_faces is not None:
        yield "Drawing mean faces", lambda: _mean_faces(job, folder)
    if job.direction is not None:
        yield "Drawing the response", lambda: _responses(job, folder)
    for direction in (job.direction, job.against):
        if direction is not None:
            yield "Drawing lines", lambda direction=direction: _direction(direction, folder)
    for edit in (job.edit, job.edit_against):
        if edit is not None:
            yield "Drawing strips", lambda edit=edit: _edit(edit, folder)


def _selection(job: FigureSet, folder: Folder) -> None:
    summary = faces.summary(FaceFilter.parse(job.filter), YAW_EDGES)
    choices = [choice for choice in summary["choices"] if choice]
    drawn = figures.histogram(summary["bins"], choices)
    folder.figure("yaw_by_light", "Yaw by light", drawn)
    rows = [
        {key: one[key] for key in ("yaw_min", "yaw_max", "total")}
        | {choice or "not_known": n for choice, n in one["choices"].items()}
        for one in summary["bins"]
    ]
    folder.table("yaw_by_light", rows)


def _mean_faces(job: FigureSet, folder: Folder) -> None:
    told = job.mean_faces.result
    there = places.mean_faces_folder(job.mean_faces.id) / told["folder"]
    tiles = [
        [None if name is None else _pixels(there / name) for name in row] for row in told["tiles"]
    ]
    folder.figure("mean_faces", "Mean faces, light by pose", figures.mean_faces(told, tiles))
    lights, poses = told["rows"], told["columns"]
    rows = [
        {"from": f"{light}, {poses[j]}", "to": f"{light}, {poses[j + 1]}", "distance": gap}
        for light, gaps in zip(lights, told["between_poses"], strict=True)
        for j, gap in enumerate(gaps)
    ]
    rows += [
        {"from": f"{lights[i]}, {pose}", "to": f"{lights[i + 1]}, {pose}", "distance": gap}
        for i, gaps in enumerate(told["between_lights"])
        for pose, gap in zip(poses, gaps, strict=True)
    ]
    folder.table("mean_faces", rows)


def _responses(job: FigureSet, folder: Folder) -> None:
    compared = [one for one in (job.direction, job.against) if one is not None]
    series = [(f"direction {one.id}", one.result["check"]["points"]) for one in compared]
    folder.figure("response", "Asked against measured", figures.response(series))
    rows = [
        {"direction": one.id, **point}
        for one in compared
        for point in one.result["check"]["points"]
    ]
    folder.table("response", rows)


def _direction(direction: Direction, folder: Folder) -> None:
    result, name = direction.result, f"direction{direction.id}"
    drawn = figures.clusters(result["bins"])
    folder.figure(f"{name}_clusters", f"Clusters of direction {direction.id}", drawn)
    folder.table(f"{name}_clusters", result["bins"])
    if pca := result.get("pca"):
        drawn = figures.lines(pca)
        folder.figure(f"{name}_lines", f"Centroids and lines of direction {direction.id}", drawn)


def _edit(edit: Edit, folder: Folder) -> None:
    frames, name = edit.result["frames"], f"edit{edit.id}"
    there = places.edit_folder(edit.id) / edit.result["folder"]
    pictures = [_pixels(there / frame["file"]) for frame in frames]
    labels = [f"{frame['degrees']:+g}° ({frame['achieved_yaw']:+.1f}°)" for frame in frames]
    title = f"Face {edit.face.filename} along direction {edit.direction_id}"
    folder.figure(f"{name}_strip", title, figures.strip(pictures, labels))
    points = [{"requested": f["degrees"], "achieved": f["achieved_yaw"]} for f in frames]
    drawn = figures.response([(f"edit {edit.id}", points)])
    folder.figure(f"{name}_response", f"{title}: asked against measured", drawn)
    folder.table(f"{name}_frames", [frame | _flat(frame.get("light"), "light") for frame in frames])
    # As the page shows them, pixel by pixel, beside the strip drawn for a paper.
    for key, called in KEPT.items():
        if file := edit.result.get(key):
            target = folder.path / f"{name}_{called}{Path(file).suffix}"
            write_whole(target, (there / file).read_bytes())


def _flat(given: dict[str, Any] | None, name: str) -> dict[str, Any]:
    return {f"{name}_{key}": value for key, value in (given or {}).items()}


def _pixels(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise Refused("file_gone", f"{path} is gone; have it drawn again.") from None


def _recipe(job: FigureSet) -> dict[str, Any]:
    """All that is needed to make these figures again."""
    compared: Iterable[Direction] = (one for one in (job.direction, job.against) if one is not None)
    turned = (one for one in (job.edit, job.edit_against) if one is not None)
    return {
        **recipe_of_selection(job.filter),
        "asked_at": job.created_at.isoformat(),
        "mean_faces": job.mean_faces and {**job.mean_faces.result, "mirror": job.mean_faces.mirror},
        "directions": [recipe_of_direction(one) for one in compared],
        "edits": [recipe_of_edit(one) for one in turned],
    }


def _kept_inside(recipe: dict[str, Any]) -> dict[str, Any]:
    """Of a recipe what each figure holds: how it was made, not what came of it nor when."""

    def brief(one: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in one.items() if key != "result"}

    return {
        **{key: recipe[key] for key in ("format", "code", "dataset", "filter", "release")},
        "directions": [brief(one) for one in recipe["directions"]],
        "edits": [brief(one) for one in recipe["edits"]],
    }

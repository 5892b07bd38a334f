"""How the rows of long work look to clients: how far each is, what was asked, what came."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from editing.models import (
    Component,
    Decomposition,
    Direction,
    Edit,
    Embedding,
    FigureSet,
    Generator,
    MeanFaces,
)
from labeling import jobs as labeling_jobs
from labeling.models import Job


def rows_of(model: type[Job]) -> QuerySet[Any]:
    related = {
        Generator: (),
        Embedding: ("generator", "dataset"),
        Direction: ("generator", "dataset"),
        Decomposition: ("generator", "face"),
        MeanFaces: ("dataset",),
        FigureSet: ("dataset", "mean_faces", "direction", "against", "edit__face"),
        Edit: ("direction", "component", "face"),
    }[model]
    return model.objects.select_related(*related) if related else model.objects.all()


def show(job: Any) -> dict[str, Any]:
    """A job's row as clients see it: how far it is, what was asked, what came."""
    name = f"api-{type(job).__name__.lower()}"
    told = labeling_jobs.describe(job, reverse(name, args=[job.id]))
    return {**told, "created_at": job.created_at, **_SHOWN[type(job)](job)}


def _show_generator(job: Generator) -> dict[str, Any]:
    return {
        "name": job.name,
        "source": job.source,
        "image_size": job.image_size,
        "sha256": job.sha256,
        "card": job.card,
    }


def _show_embedding(job: Embedding) -> dict[str, Any]:
    return {
        "generator": job.generator.name,
        "dataset": job.dataset.name,
        "filter": job.filter,
        "method": job.method,
        "kind": job.kind,
        "timestep": job.timestep,
        "steps": job.steps,
        "refinements": job.refinements,
        "gradient_steps": job.gradient_steps,
        "space": job.space,
        "n_faces": job.n_faces,
        "n_embedded": job.n_embedded,
        "figures": job.figures,
    }


def _show_direction(job: Direction) -> dict[str, Any]:
    return {
        "generator": job.generator.name,
        "dataset": job.dataset.name,
        "release": job.release_id,
        "kind": job.kind,
        "filter": job.filter,
        "bins": job.bins,
        "recipe": job.recipe,
        "space": job.space,
        "result": job.result,
    }


def _show_edit(job: Edit) -> dict[str, Any]:
    return {
        "kind": job.kind,
        "face": job.face_id,
        "direction": job.direction_id,
        "degrees": job.degrees,
        "component": job.component_id,
        "strengths": job.strengths,
        "reference": job.reference_id,
        "settings": job.settings,
        "result": with_urls(job),
    }


def _show_decomposition(job: Decomposition) -> dict[str, Any]:
    return {
        "generator": job.generator.name,
        "face": job.face_id,
        "regions": job.regions,
        "timestep": job.timestep,
        "steps": job.steps,
        "refinements": job.refinements,
        "rank": job.rank,
        "joint_rank": job.joint_rank,
        "individual_rank": job.individual_rank,
        "pool": job.pool or None,
        "sha256": job.sha256,
        "result": with_preview_urls(job),
    }


def with_preview_urls(decomposition: Decomposition) -> dict[str, Any]:
    """A decomposition's result so far, with the address of each picture that is there."""
    result = dict(decomposition.result)
    result["components"] = result.get("components", [])
    result["urls"] = {
        name: reverse("api-decomposition-file", args=[decomposition.id, name])
        for name in pictures_in(result)
    }
    return result


def pictures_in(result: Any) -> list[str]:
    """The names of all pictures that a result speaks of, wherever in it they stand."""
    if isinstance(result, dict | list):
        parts = result.values() if isinstance(result, dict) else result
        return [name for part in parts for name in pictures_in(part)]
    is_name = isinstance(result, str) and result.endswith((".png", ".webp", ".mp4"))
    return [result] if is_name else []


def show_component(component: Component) -> dict[str, Any]:
    """One direction as clients see it, from its own row alone."""
    return {
        "id": component.id,
        "decomposition": component.decomposition_id,
        "method": component.method,
        "region": component.region,
        "index": component.index,
        "singular_value": component.singular_value,
        "locality": component.locality,
        "name": component.name,
        "kept_by": component.kept_by.username if component.kept_by else None,
    }


def with_urls(edit: Edit) -> dict[str, Any]:
    """An edit's result, with the address of each file in it."""

    def address(name: str) -> str:
        return reverse("api-edit-file", args=[edit.id, name])

    result = dict(edit.result)
    if result:
        result["frames"] = [{**frame, "url": address(frame["file"])} for frame in result["frames"]]
        for name in ("strip", "strip_large", "animation", "video", "difference"):
            if name in result:
                result[f"{name}_url"] = address(result[name]) if result[name] else None
    return result


def files_of(job: MeanFaces | FigureSet) -> list[str]:
    """The names of all files that a job has written."""
    result = job.result
    if not result:
        return []
    if isinstance(job, MeanFaces):
        tiles = [name for row in result["tiles"] for name in row if name]
        return [result["sheet"], *tiles]
    figures = [name for figure in result["figures"] for name in figure["files"].values()]
    return [*figures, *result["tables"], result["recipe"], result["zip"]]


def _with_files(job: MeanFaces | FigureSet) -> dict[str, Any]:
    """A result, with the address of each of its files."""
    name = f"api-{type(job).__name__.lower()}-file"
    urls = {file: reverse(name, args=[job.id, file]) for file in files_of(job)}
    return {**job.result, "urls": urls} if urls else {}


def _show_mean_faces(job: MeanFaces) -> dict[str, Any]:
    return {
        "dataset": job.dataset.name,
        "filter": job.filter,
        "mirror": job.mirror,
        "result": _with_files(job),
    }


def _show_figures(job: FigureSet) -> dict[str, Any]:
    return {
        "dataset": job.dataset.name,
        "filter": job.filter,
        "mean_faces": job.mean_faces_id,
        "direction": job.direction_id,
        "against": job.against_id,
        "edit": job.edit_id,
        "edit_against": job.edit_against_id,
        "result": _with_files(job),
    }


_SHOWN = {
    Generator: _show_generator,
    Embedding: _show_embedding,
    Direction: _show_direction,
    Decomposition: _show_decomposition,
    Edit: _show_edit,
    MeanFaces: _show_mean_faces,
    FigureSet: _show_figures,
}

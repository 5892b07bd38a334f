"""The doorway to the worker: ids in, nothing out; every task may run twice without harm."""

from functools import partial

from celery import shared_task

from editing.models import (
    Decomposition,
    Direction,
    Edit,
    Embedding,
    FigureSet,
    Generator,
    MeanFaces,
)
from labeling import worker
from labeling.tasks import ring

# Importing torch costs a process 300 MB and seconds: only a worker that runs a task pays for it.


@shared_task(name="editing.check_generator")
def check_generator(job_id: int) -> None:
    from editing import runs

    worker.run(Generator, job_id, runs.check_generator)


@shared_task(name="editing.embed")
def embed(job_id: int) -> None:
    from editing import runs

    ring_join(job_id)
    worker.run(Embedding, job_id, runs.embed)


@shared_task(name="editing.join_embedding")
def join_embedding(job_id: int) -> None:
    """Work beside the one who leads; whoever finds free faces rings for the next."""
    # Also while it is queued: this bell may be faster than the claim of the one who rang it.
    job = Embedding.objects.filter(id=job_id, status__in=["queued", "running"]).first()
    if job is not None:
        from editing import runs

        runs.join_embedding(job, partial(ring_join, job_id))


@shared_task(name="editing.fit_direction")
def fit_direction(job_id: int) -> None:
    from editing import runs

    worker.run(Direction, job_id, runs.fit_direction)


@shared_task(name="editing.render_edit")
def render_edit(job_id: int) -> None:
    from editing import runs

    is_local = Edit.objects.filter(id=job_id, kind=Edit.Kind.LOCAL).exists()
    worker.run(Edit, job_id, runs.edit_locally if is_local else runs.render_edit)


@shared_task(name="editing.decompose")
def decompose(job_id: int) -> None:
    from editing import runs

    worker.run(Decomposition, job_id, runs.decompose)


@shared_task(name="editing.draw_mean_faces")
def draw_mean_faces(job_id: int) -> None:
    from editing import runs

    worker.run(MeanFaces, job_id, runs.draw_mean_faces)


@shared_task(name="editing.draw_figures")
def draw_figures(job_id: int) -> None:
    from editing import runs

    worker.run(FigureSet, job_id, runs.draw_figures)


# A bell that the broker did not take costs seconds, not the request: the sweep rings again.
ring_check = partial(ring, check_generator)
ring_embed = partial(ring, embed)
ring_join = partial(ring, join_embedding)
ring_fit = partial(ring, fit_direction)
ring_render = partial(ring, render_edit)
ring_decompose = partial(ring, decompose)
ring_mean_faces = partial(ring, draw_mean_faces)
ring_figures = partial(ring, draw_figures)


@shared_task(name="editing.sweep")
def sweep() -> None:
    """Ring again for rows that wait or were abandoned; runs on the light queue."""
    worker.sweep(Generator, ring_check)
    worker.sweep(Embedding, ring_embed)
    worker.sweep(Direction, ring_fit)
    worker.sweep(Edit, ring_render)
    worker.sweep(Decomposition, ring_decompose)
    worker.sweep(MeanFaces, ring_mean_faces)
    worker.sweep(FigureSet, ring_figures)

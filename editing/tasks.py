"""The doorway to the worker: ids in, nothing out; every task may run twice without harm."""

from celery import shared_task

from editing.models import Direction, Edit, Embedding, Generator
from labeling import worker

# Importing torch costs a process 300 MB and seconds: only a worker that runs a task pays for it.


@shared_task(name="editing.check_generator")
def check_generator(job_id: int) -> None:
    from editing import runs

    worker.run(Generator, job_id, runs.check_generator)


@shared_task(name="editing.embed")
def embed(job_id: int) -> None:
    from editing import runs

    worker.run(Embedding, job_id, runs.embed)


@shared_task(name="editing.fit_direction")
def fit_direction(job_id: int) -> None:
    from editing import runs

    worker.run(Direction, job_id, runs.fit_direction)


@shared_task(name="editing.render_edit")
def render_edit(job_id: int) -> None:
    from editing import runs

    worker.run(Edit, job_id, runs.render_edit)


@shared_task(name="editing.sweep")
def sweep() -> None:
    """Ring again for rows that wait or were abandoned; runs on the light queue."""
    worker.sweep(Generator, check_generator.delay)
    worker.sweep(Embedding, embed.delay)
    worker.sweep(Direction, fit_direction.delay)
    worker.sweep(Edit, render_edit.delay)

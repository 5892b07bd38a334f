"""Workers that share a space's faces: each face is worked on once, and nobody's end loses any."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from safetensors import safe_open

from editing import tasks
from editing.models import Embedding
from editing.runs.embedding import embed, join
from editing.runs.loading import store_of
from editing.runs.sharing import LOCK, blocks, held
from labeling import worker
from labeling.models import Dataset, Face, Job
from tests.workers import ROOT, Worker

Ask = Callable[..., Embedding]
LEAD = """
import sys, django
django.setup()
from editing import runs
from editing.models import Embedding
from labeling import worker
worker.run(Embedding, int(sys.argv[1]), runs.embed)
"""


@pytest.fixture
def idle(worker: Worker) -> Worker:
    return worker


@contextmanager
def someone_else() -> Iterator[Callable[[str, int], None]]:
    """Another worker's connection, which takes blocks and is gone when the block ends."""
    theirs = connection.copy()

    def take(space: str, block: int) -> None:
        with theirs.cursor() as cursor:
            cursor.execute(LOCK, [f"latents {space} {block}"])
            assert cursor.fetchone() == (True,)

    try:
        yield take
    finally:
        theirs.close()


def chunked_faces(job: Embedding) -> list[int]:
    """Every face of the dataset's chunks, as often as it was embedded."""
    ours = set(job.dataset.faces.values_list("id", flat=True))
    found = []
    for path in store_of(job.generator, job.space).folder.iterdir():
        assert path.suffix == ".safetensors", f"{path} is half a chunk"
        with safe_open(path, "np") as file:
            found += [i for i in json.loads(file.metadata()["face_ids"]) if i in ours]
    return sorted(found)


def leading(job: Embedding, started: ExitStack) -> subprocess.Popen:
    """A process of its own that does the job; it does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", LEAD, str(job.id)],
        cwd=ROOT,
        env=Worker.environment(settings.VAR_DIR),
    )
    started.callback(process.kill)
    return process


def test_blocks_are_the_same_whatever_the_filter() -> None:
    everyone, some = blocks(range(300)), blocks([250, 70, 71])
    assert [len(ids) for ids in everyone.values()] == [64, 64, 64, 64, 44]
    assert some == {1: [70, 71], 3: [250]}
    assert all(set(ids) <= set(everyone[block]) for block, ids in some.items())


@pytest.mark.django_db
def test_a_block_that_another_worker_holds_is_passed_over_until_its_connection_ends() -> None:
    todo = blocks(range(192))
    with someone_else() as take:
        take("here", 0)
        with held("here", todo, 128) as ours:
            assert ours == [1, 2]
        with held("elsewhere", todo, 64) as ours:
            assert ours == [0]
    deadline = time.monotonic() + 60
    first: list[int] = []
    # The server notices that a connection is gone when its own process wakes up.
    while first != [0]:
        assert time.monotonic() < deadline, first
        with held("here", todo, 64) as first:
            pass


@pytest.mark.django_db
def test_a_block_is_let_go_whatever_ends_the_work() -> None:
    with pytest.raises(KeyboardInterrupt), held("here", blocks([1]), 64):
        raise KeyboardInterrupt
    with someone_else() as take:
        take("here", 0)


def test_who_joins_works_on_free_faces_rings_once_and_does_not_wait(
    many: Dataset, ask_embedding: Ask
) -> None:
    job, rung = ask_embedding(), []
    face_ids = list(many.faces.order_by("id").values_list("id", flat=True))
    block, theirs = next(iter(blocks(face_ids).items()))
    with someone_else() as take:
        take(job.space, block)
        join(job, lambda: rung.append(1))
    assert chunked_faces(job) == sorted(set(face_ids) - set(theirs))
    assert rung == [1]


def test_who_joins_an_embedding_that_ended_does_nothing(many: Dataset, ask_embedding: Ask) -> None:
    job = ask_embedding()
    Embedding.objects.filter(id=job.id).update(status="cancelled")
    join(job)
    assert not store_of(job.generator, job.space).present(Face.objects.values_list("id", flat=True))


@pytest.mark.slow
def test_an_idle_worker_takes_the_free_faces_of_an_embedding_and_whoever_leads_finds_them(
    idle: Worker, many: Dataset, ask_embedding: Ask, done: Callable[[Job], Job]
) -> None:
    job = ask_embedding()
    face_ids = set(many.faces.values_list("id", flat=True))
    block, theirs = next(iter(blocks(sorted(face_ids)).items()))
    with someone_else() as take:
        take(job.space, block)
        tasks.ring_join(job.id)
        deadline = time.monotonic() + 120
        while len(present := store_of(job.generator, job.space).present(face_ids)) < len(
            face_ids
        ) - len(theirs):
            assert time.monotonic() < deadline, idle.said()[-4000:]
            time.sleep(0.1)
        assert not set(present) & set(theirs)
    assert Embedding.objects.get(id=job.id).status == "queued"  # helping is not leading
    done(job)
    assert (job.status, job.error, job.n_embedded) == ("done", None, len(face_ids))
    assert job.figures["n_found_already"] == len(face_ids) - len(theirs)
    assert chunked_faces(job) == sorted(face_ids)


@pytest.mark.slow
def test_two_processes_with_two_overlapping_embeddings_embed_each_face_once(
    transactional_db: None, many: Dataset, ask_embedding: Ask
) -> None:
    jobs = [ask_embedding(), ask_embedding("yaw_min=-30")]
    face_ids = list(many.faces.values_list("id", flat=True))
    with ExitStack() as started:
        with someone_else() as take:
            for block in blocks(face_ids):
                take(jobs[0].space, block)
            processes = [leading(job, started) for job in jobs]
            deadline = time.monotonic() + 200
            # Both stand before blocks that a third one holds, which then dies.
            waiting = Embedding.objects.filter(step__startswith="Waiting for another worker")
            while waiting.count() < 2:
                assert time.monotonic() < deadline, list(Embedding.objects.values("status", "step"))
                assert all(process.poll() is None for process in processes)
                time.sleep(0.05)
        assert [process.wait(60) for process in processes] == [0, 0]
    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.error, job.n_embedded) == ("done", None, job.n_faces)
    assert chunked_faces(jobs[0]) == sorted(face_ids)


def test_an_embedding_whose_latents_are_all_there_by_then_does_none_itself(
    many: Dataset, ask_embedding: Ask
) -> None:
    leader, late = ask_embedding(), ask_embedding()
    worker.run(Embedding, leader.id, embed)
    before = sorted(Path(store_of(late.generator, late.space).folder).iterdir())
    worker.run(Embedding, late.id, embed)
    assert sorted(Path(store_of(late.generator, late.space).folder).iterdir()) == before

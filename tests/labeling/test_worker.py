"""A job's row tells the truth, whatever becomes of the worker that works on it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from labeling import jobs, queue, worker
from labeling.errors import Refused
from labeling.models import Refresh


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(3), "light", title="Light")


@pytest.fixture
def job(campaign):
    return Refresh.objects.create(campaign=campaign)


def work_on(job, work):
    worker.run(Refresh, job.id, work)
    job.refresh_from_db()
    return job


def test_done_work_is_recorded(job):
    steps = []

    def work(row, progress):
        progress(0.5, "half way")
        steps.append(Refresh.objects.get(id=row.id).step)

    assert work_on(job, work).status == "done"
    assert (job.progress, job.attempt, job.error, steps) == (1, 1, None, ["half way"])
    assert job.finished_at is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("no_votes", "The campaign has no votes."), "The campaign has no votes."),
        (ValueError("3 came; expected 4"), "3 came; expected 4"),
        (KeyError("left"), "KeyError: 'left'"),
    ],
)
def test_failed_work_says_why_and_the_worker_lives_on(job, error, words):
    def work(row, progress):
        raise error

    assert (work_on(job, work).status, job.error) == ("failed", words)


def test_a_job_that_ended_is_not_done_again(job):
    work_on(job, lambda row, progress: None)
    work_on(job, lambda row, progress: pytest.fail("came twice"))
    assert job.attempt == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_rung_for_one_row_do_it_once(job):
    done, start = [], threading.Barrier(4)

    def ring():
        start.wait()
        worker.run(Refresh, job.id, lambda row, progress: done.append(row.attempt))
        connection.close()

    threads = [threading.Thread(target=ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [1]


def test_a_silent_workers_job_is_taken_over_and_its_late_words_are_ignored(job):
    def work(row, progress):
        # This attempt goes silent; the sweep rings, and another worker takes the row.
        Refresh.objects.filter(id=row.id).update(heartbeat_at=timezone.now() - timedelta(hours=1))
        rung = []
        assert worker.sweep(Refresh, rung.append) == 1
        worker.run(Refresh, rung[0], lambda row, progress: None)
        progress(0.1)
        pytest.fail("the first attempt went on")

    assert (work_on(job, work).status, job.attempt, job.progress) == ("done", 2, 1)


def test_work_whose_workers_keep_dying_is_given_up(job):
    Refresh.objects.update(
        status="running",
        attempt=worker.MOST_ATTEMPTS,
        heartbeat_at=timezone.now() - timedelta(hours=1),
    )
    worker.sweep(Refresh, lambda job_id: pytest.fail("rung again"))
    job.refresh_from_db()
    assert job.status == "failed"
    assert "went silent 5 times" in job.error


def test_the_sweep_rings_for_rows_whose_bell_was_lost_and_not_at_every_turn(job):
    rung = []
    worker.sweep(Refresh, rung.append)
    assert rung == []  # it is only just there: its own bell may be on the way
    Refresh.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    worker.sweep(Refresh, rung.append)
    worker.sweep(Refresh, rung.append)
    assert rung == [job.id]


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_when_it_looks_up(campaign, job):
    jobs.cancel(job)
    assert work_on(job, lambda row, progress: pytest.fail("ran")).status == "cancelled"
    running = Refresh.objects.create(campaign=campaign)

    def work(row, progress):
        jobs.cancel(Refresh.objects.get(id=row.id))
        progress(0.3)
        pytest.fail("went on")

    assert work_on(running, work).status == "cancelled"


def test_an_ended_job_stays_as_it_is_when_cancelled(job):
    work_on(job, lambda row, progress: None)
    jobs.cancel(job)
    assert job.status == "done"


@pytest.mark.django_db(transaction=True)
def test_the_heart_beats_while_work_is_busy(job, monkeypatch):
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.05)
    seen = []

    def work(row, progress):
        first = Refresh.objects.get(id=row.id).heartbeat_at
        for _ in range(100):
            if Refresh.objects.get(id=row.id).heartbeat_at > first:
                seen.append("beat")
                return
            threading.Event().wait(0.05)

    work_on(job, work)
    assert seen == ["beat"]

"""From votes to changed suggestions in front of an annotator: real worker, database and web.

`make bench NAME=loop ARGS="--faces 8000 --rounds 12"`. The clock starts when the answers are posted
and stops when the faces that another annotator is handed carry a suggestion that was not there
before. Rounds follow each other at once, so a round also waits while the campaign rests and its
mean faces are drawn. The faces are 300 rendered ones under 8,000 names.
"""

import argparse
import csv
import io
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks._database import throw_away_database
from benchmarks._reporting import report, say
from benchmarks._web import Annotator, served, session_of

RENDERED, VOTES, LOOK_EVERY, LONGEST = 300, 40, 0.2, 300.0


@contextmanager
def running(var: Path, name: str, *arguments: str) -> Iterator[None]:
    """One of Celery's processes as `make demo` starts it, ended at the end."""
    command = [sys.executable, "-m", "celery", "-A", "config", *arguments]
    with (var / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ.copy())
    try:
        yield
    finally:
        child.kill()
        child.wait()


def write_faces(var: Path, n_faces: int) -> tuple[Path, list[str]]:
    """A dataset of n faces in CelebA's layout, and the true side of each."""
    from lightstage.celeba import write_dataset

    stage, folder = var / "stage", var / "faces"
    write_dataset(stage, RENDERED, 3, processes=1)
    with (stage / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:RENDERED]
    (folder / "img_align_celeba").mkdir(parents=True)
    sides = []
    for number in range(n_faces):
        row = rows[number % RENDERED]
        target = folder / "img_align_celeba" / f"{number + 1:06d}.jpg"
        os.link(stage / "img_align_celeba" / row["file"], target)
        sides.append(row["side"])
    return folder, sides


def on_turns(campaign: Any) -> dict[int, tuple[str, int]]:
    """What stands on every turn now: the suggested choice and its certainty in percent."""
    rows = campaign.turns.values_list("face_id", "suggested", "certainty")
    return {face: (choice, certainty) for face, choice, certainty in rows}


def seconds_to_news(
    campaign: Any, voter: Annotator, reader: Annotator, side_of: dict[int, str]
) -> float:
    """Post answers to the next faces; how long until the reader's faces say something new.

    What a refresh says that was running when the answers came does not count.
    """
    ballots = [
        {"id": str(uuid.uuid4()), "face": face, "choice": side_of[face], "seconds": 1.0}
        for face in voter.next_faces(VOTES)
    ]
    began = time.perf_counter()
    voter.ask("votes", {"votes": ballots}, [])
    ours = campaign.refreshes.order_by("id").last()
    while ours.status == "queued" and time.perf_counter() - began < LONGEST:
        time.sleep(LOOK_EVERY / 4)
        ours.refresh_from_db()
    before = on_turns(campaign)
    while time.perf_counter() - began < LONGEST:
        turns = reader.ask("turns", {"count": 20}, [])["turns"]
        seconds = time.perf_counter() - began
        reader.ask("leases/release", {"faces": [turn["face"] for turn in turns]}, [])
        if any(is_new(turn, before[turn["face"]]) for turn in turns):
            return seconds
        time.sleep(LOOK_EVERY)
    raise SystemExit(f"nothing new after {LONGEST} s; the refresh is {ours.status}: {ours.error}")


def is_new(turn: dict[str, Any], before: tuple[str, int]) -> bool:
    said = turn["suggestion"]
    return bool(said) and before != (said["choice"], round(100 * said["probability"]))


def measure(n_faces: int, rounds: int) -> dict[str, Any]:
    with throw_away_database() as var, ExitStack() as processes:
        from django.core.management import call_command

        from labeling import queue
        from labeling.models import Dataset, User

        say(f"rendering {RENDERED} faces")
        folder, sides = write_faces(var, n_faces)
        call_command("import_faces", str(folder), name="loop", stdout=io.StringIO())
        campaign = queue.create_campaign(
            Dataset.objects.get(name="loop"), "loop", title="Loop", shows_suggestions=True
        )
        ids = campaign.dataset.faces.order_by("filename").values_list("id", flat=True)
        side_of = dict(zip(ids, sides, strict=True))
        people = [
            User.objects.create_user(username=name, is_annotator=True) for name in ("ada", "ben")
        ]
        web = processes.enter_context(served(var))
        quiet = ("--without-gossip", "--without-mingle", "--loglevel=INFO", "--pool=solo")
        (var / "broker").mkdir(exist_ok=True)
        processes.enter_context(running(var, "worker", "worker", "-Q", "light", *quiet))
        schedule = ("--schedule", str(var / "beat"), "--pidfile=")
        processes.enter_context(running(var, "beat", "beat", *schedule))
        voter, reader = (
            Annotator(web.port, "loop", session_of(who), seed=n) for n, who in enumerate(people)
        )
        say("the first votes: features of all faces are made")
        first = seconds_to_news(campaign, voter, reader, side_of)
        seconds = []
        for number in range(rounds):
            seconds.append(seconds_to_news(campaign, voter, reader, side_of))
            say(f"round {number + 1}: {seconds[-1]:.1f} s")
        done = campaign.refreshes.filter(status="done").order_by("id")
        refreshed = [job.figures["seconds"] for job in done][1:]
        return {
            "faces": n_faces,
            "rounds": rounds,
            "votes_each": VOTES,
            "seconds_median": round(statistics.median(seconds), 1),
            "seconds_min": round(min(seconds), 1),
            "seconds_max": round(max(seconds), 1),
            "first_seconds": round(first, 1),
            "refresh_seconds_median": round(statistics.median(refreshed), 1),
            "failed_refreshes": campaign.refreshes.filter(status="failed").count(),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=12)
    given = parser.parse_args()
    report("loop", lambda: measure(given.faces, given.rounds))

"""Annotators by the dozen, some resending, some dying, while the database restarts.

Nothing may be stored twice, lost, or stuck. `make bench NAME=storm ARGS="--threads 64"`.
"""

import argparse
import random
import threading
import time
import uuid
from collections import Counter
from typing import Any

from benchmarks._database import throw_away_database
from benchmarks._reporting import report, say


class Client(threading.Thread):
    """One annotator's tab: claims, votes, sometimes twice, sometimes dies with faces leased."""

    def __init__(self, campaign: Any, annotator: Any, seed: int, ends: float) -> None:
        super().__init__(daemon=True)
        self.campaign, self.annotator, self.ends = campaign, annotator, ends
        self.random = random.Random(seed)
        self.acknowledged: list[str] = []
        self.resent = self.died = self.retried = 0

    def run(self) -> None:
        from labeling import queue, votes

        while time.monotonic() < self.ends:
            faces = self.until_answered(queue.next_faces, self.campaign, self.annotator, 5)
            if not faces:
                return
            if self.random.random() < 0.05:
                self.died += 1
                continue
            rows = [
                {"id": str(uuid.uuid4()), "face": face.face_id, "choice": "left"} for face in faces
            ]
            for _ in range(1 + (self.random.random() < 0.05)):
                outcomes = self.until_answered(votes.cast, self.campaign, self.annotator, rows)
            self.resent += len(rows) * (_ == 1)
            self.acknowledged += [one.id for one in outcomes if one.status != "rejected"]

    def until_answered(self, act: Any, *args: Any) -> Any:
        """As the page's outbox does: the same request again until the database is back."""
        from django.db import Error, connection

        while True:
            try:
                return act(*args)
            except Error:
                self.retried += 1
                connection.close()
                time.sleep(0.1)


def measure(n_threads: int, n_faces: int, seconds: float) -> dict[str, Any]:
    with throw_away_database() as var:
        from django.db import connection
        from django.db.models import F

        from config import postgres
        from labeling import leases, queue, votes
        from labeling.models import Dataset, Face, Lease, Turn, User, Vote

        dataset = Dataset.objects.create(name="storm", image_folder=str(var))
        Face.objects.bulk_create(
            Face(dataset=dataset, filename=f"{n:06d}.jpg") for n in range(n_faces)
        )
        campaign = queue.create_campaign(
            dataset, "storm", title="Storm", votes_min=3, lease_seconds=2
        )
        # Two tabs each: one person's own requests race as well.
        people = [User.objects.create(username=f"a{n}") for n in range(max(4, n_threads // 2))]
        ends = time.monotonic() + seconds
        clients = [
            Client(campaign, people[n % len(people)], seed=n, ends=ends) for n in range(n_threads)
        ]
        say(f"{n_threads} clients for {seconds:.0f} s, a database restart half way")
        for client in clients:
            client.start()
        time.sleep(seconds / 2)
        postgres.stop(var / "postgresql")
        postgres.ensure_running(var / "postgresql")
        for client in clients:
            client.join(seconds + 60)
        connection.close()  # ours went with the restart

        standing = Counter(votes.standing(campaign).values_list("turn_id", "annotator_id"))
        per_turn = Counter(turn for turn, _ in standing)
        acknowledged = {vote_id for client in clients for vote_id in client.acknowledged}
        stored = {str(i) for i in Vote.objects.values_list("id", flat=True)}
        # Every lease that was left behind ends by itself: what still counts as held is stuck.
        time.sleep(campaign.lease_seconds + 0.5)
        while Lease.objects.exists():
            leases.free_expired(campaign)
        turns = Turn.objects.filter(campaign=campaign)
        return {
            "threads": n_threads,
            "votes": len(stored),
            "resent": sum(client.resent for client in clients),
            "died": sum(client.died for client in clients),
            "retried_requests": sum(client.retried for client in clients),
            "database_restarts": 1,
            "duplicates": sum(n - 1 for n in standing.values()),
            "over_redundancy": sum(
                per_turn[turn.id] > turn.wanted or per_turn[turn.id] != turn.had for turn in turns
            ),
            "lost": len(acknowledged - stored),
            "stuck_turns": turns.exclude(held=0).count()
            + turns.filter(wanted__lt=F("had") + F("held")).count(),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--faces", type=int, default=20_000)
    parser.add_argument("--for-seconds", type=float, default=20)
    given = parser.parse_args()
    report("storm", lambda: measure(given.threads, given.faces, given.for_seconds))

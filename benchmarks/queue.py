"""A class at work on 202,599 faces, over HTTP, client and server on the same machine.

Fifty annotators who think for a second; eight who do not; sixty-four of whom some resend and some
die while the database restarts. `make bench NAME=queue ARGS="--annotators 50 --for-seconds 60"`.
"""

import argparse
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._database import throw_away_database
from benchmarks._reporting import report, say
from benchmarks._rows import make_campaign
from benchmarks._web import Annotator, Web, percentile, served, session_of

SMALL = 10_000
AHEAD, REFILL_BELOW = 10, 5
ARRIVING = 5.0


def run_all(annotators: list[Annotator], work: Callable[[Annotator], None]) -> float:
    """Everybody at once; returns the seconds it took."""
    threads = [threading.Thread(target=work, args=(one,), daemon=True) for one in annotators]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def paced(annotator: Annotator, seconds: float, think: float) -> None:
    """As the label page: ten faces ahead, one answer at a time, asked for more below five.

    The class comes in during the first seconds, not in the same instant.
    """
    ends = time.monotonic() + seconds
    time.sleep(annotator.random.random() * ARRIVING)
    ahead: list[int] = []
    while time.monotonic() < ends:
        if len(ahead) < REFILL_BELOW:
            ahead += annotator.next_faces(AHEAD - len(ahead))
            ahead = list(dict.fromkeys(ahead))
        if not ahead:
            return
        time.sleep(think)
        annotator.vote([ahead.pop(0)])


def unpaced(annotator: Annotator, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and (faces := annotator.next_faces(10)):
        annotator.vote(faces)


def stormy(annotator: Annotator, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        faces = annotator.next_faces(5)
        if not faces:
            time.sleep(0.2)
        elif annotator.random.random() < 0.05:
            annotator.tally.died += 1
        else:
            annotator.vote(faces, twice=annotator.random.random() < 0.05)


def class_at_work(
    web: Web, sessions: list[str], slugs: tuple[str, str], seconds: float
) -> dict[str, Any]:
    """The same class on the large and on the small campaign, in turns."""
    pooled: dict[str, dict[str, list[float]]] = {slug: {"turns": [], "votes": []} for slug in slugs}
    for part in range(2):
        for slug in slugs:
            say(f"{len(sessions)} annotators on {slug!r} for {seconds / 2:.0f} s, {part + 1} of 2")
            desks = [Annotator(web.port, slug, s, n) for n, s in enumerate(sessions)]
            run_all(desks, lambda desk: paced(desk, seconds / 2, 1.0))
            for desk in desks:
                pooled[slug]["turns"] += desk.tally.turns
                pooled[slug]["votes"] += desk.tally.votes
    large, small = (pooled[slug] for slug in slugs)
    ratios = [percentile(large[k], 0.5) / percentile(small[k], 0.5) for k in ("turns", "votes")]
    figures: dict[str, Any] = {}
    for what in ("turns", "votes"):
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            figures[f"{what}_{name}_ms"] = percentile(large[what], share)
        figures[f"{what}_p50_ms_at_10k"] = percentile(small[what], 0.5)
        figures[f"n_{what}"] = len(large[what])
    return {**figures, "p50_ratio_to_10k": round(max(ratios), 3)}


def through_the_storm(
    web: Web, var: Path, sessions: list[str], campaign: Any, seconds: float
) -> dict[str, Any]:
    """64 tabs, some resending, some dying, the database restarted in the middle."""
    from django.db import connection

    from config import postgres
    from labeling import votes
    from labeling.models import Turn, Vote

    # Two tabs each: one person's own requests race as well.
    desks = [Annotator(web.port, campaign.slug, s, n) for n, s in enumerate(sessions * 2)]
    say(f"{len(desks)} tabs for {seconds:.0f} s, a database restart half way")

    def restart() -> None:
        time.sleep(seconds / 2)
        postgres.stop(var / "postgresql")
        postgres.ensure_running(var / "postgresql")

    restarting = threading.Thread(target=restart)
    restarting.start()
    run_all(desks, lambda desk: stormy(desk, seconds))
    restarting.join()
    connection.close()  # ours went with the restart
    standing = Counter(votes.standing(campaign).values_list("turn_id", "annotator_id"))
    per_turn = Counter(turn for turn, _ in standing)
    acknowledged = {vote_id for desk in desks for vote_id in desk.tally.stored}
    stored = {
        str(i) for i in Vote.objects.filter(turn__campaign=campaign).values_list("id", flat=1)
    }
    turns = Turn.objects.filter(campaign=campaign)
    return {
        "storm_threads": len(desks),
        "storm_votes": len(stored),
        "resent": sum(desk.tally.resent for desk in desks),
        "died": sum(desk.tally.died for desk in desks),
        "retried_requests": sum(desk.tally.retried for desk in desks),
        "duplicates": sum(n - 1 for n in standing.values()),
        "over_redundancy": sum(
            per_turn[turn.id] > campaign.votes_max or per_turn[turn.id] != turn.had
            for turn in turns.iterator()
        ),
        "lost": len(acknowledged - stored),
        "wasted": sum(desk.tally.rejected for desk in desks),
    }


def measure(n_faces: int, n_annotators: int, seconds: float) -> dict[str, Any]:
    with throw_away_database() as var:
        from django.db import connection

        from labeling.models import User

        say(f"writing {n_faces + 2 * SMALL} faces")
        make_campaign(var, "large", n_faces, votes_min=2)
        make_campaign(var, "small", SMALL, votes_min=2)
        make_campaign(var, "rush", n_faces, votes_min=1)
        storm = make_campaign(var, "storm", SMALL, votes_min=3, lease_seconds=3)
        people = [
            User.objects.create(username=f"a{n}", is_annotator=True)
            for n in range(max(n_annotators, 32))
        ]
        sessions = [session_of(one) for one in people]
        with connection.cursor() as cursor:
            # What the bulk of rows leaves to be written must not be written while we measure.
            cursor.execute("CHECKPOINT")
        with served(var) as web:
            warm = [Annotator(web.port, "small", s, n) for n, s in enumerate(sessions[:8])]
            run_all(warm, lambda desk: unpaced(desk, 2))
            figures = class_at_work(web, sessions[:n_annotators], ("large", "small"), seconds)
            say("8 annotators without a pause")
            desks = [Annotator(web.port, "rush", s, n) for n, s in enumerate(sessions[:8])]
            took = run_all(desks, lambda desk: unpaced(desk, seconds / 3))
            rush = sum(len(desk.tally.stored) for desk in desks) / took
            stormed = through_the_storm(web, var, sessions[:32], storm, seconds / 2)
            rss = web.rss_mb()
        return {
            "faces": n_faces,
            "annotators": n_annotators,
            **figures,
            "votes_per_second_8": round(rush, 1),
            **stormed,
            "web_rss_mb": round(rss, 1),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=202_599)
    parser.add_argument("--annotators", type=int, default=50)
    parser.add_argument("--for-seconds", type=float, default=60)
    given = parser.parse_args()
    report("queue", lambda: measure(given.faces, given.annotators, given.for_seconds))

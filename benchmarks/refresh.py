"""One refresh of 202,599 faces whose features are kept: votes -> suggestions, consensus, queue.

`make bench NAME=refresh ARGS="--faces 202599 --votes 3000"`. A first refresh writes every row; the
second, after more votes, is what a campaign meets again and again.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks._database import throw_away_database
from benchmarks._memory import Peak
from benchmarks._reporting import report, say
from benchmarks._rows import make_campaign


def keep_features(campaign: Any, rng: np.random.Generator) -> np.ndarray:
    """Vectors in which the light is to be seen, and everybody's true choice (n,)."""
    from django.db import connection, transaction

    from labeling.importing.copy import copy_rows
    from labeling.learning import features

    face_ids = list(campaign.dataset.faces.order_by("id").values_list("id", flat=True))
    truth = rng.choice(3, len(face_ids), p=[0.25, 0.5, 0.25])
    odd = features.mirror_signs() < 0
    vectors = rng.normal(size=(len(face_ids), len(odd))).astype("<f4")
    vectors[:, odd] += 0.5 * (truth - 1)[:, None]
    with transaction.atomic(), connection.cursor() as cursor:
        copy_rows(
            cursor,
            "labeling_facefeatures",
            ("face_id", "kind", "version", "vector"),
            (
                (face, "light", features.VERSION, vector.tobytes())
                for face, vector in zip(face_ids, vectors, strict=True)
            ),
        )
    return truth


def vote(
    campaign: Any, crew: str, truth: np.ndarray, n_votes: int, rng: np.random.Generator
) -> None:
    """A crew of twenty votes; one in ten answers is wrong."""
    from labeling import votes

    names = [f"{n:06d}.jpg" for n in rng.choice(np.arange(1, len(truth) + 1), n_votes)]
    rows = {}
    for name in names:
        true = truth[int(name[:6]) - 1]
        said = true if rng.random() < 0.9 else rng.integers(3)
        rows[name, f"{crew}-{rng.integers(20)}"] = campaign.values[said]
    votes.cast_outside(
        campaign, [(*who, choice) for who, choice in rows.items()], source="simulated"
    )


def measure(n_faces: int, n_votes: int) -> dict[str, Any]:
    with throw_away_database() as var:
        from labeling import refreshes, worker
        from labeling.models import Refresh

        rng = np.random.default_rng(0)
        say(f"writing {n_faces} faces and their features")
        campaign = make_campaign(var, "refresh", n_faces)
        truth = keep_features(campaign, rng)
        figures: dict[str, Any] = {"faces": n_faces}
        peak = Peak()
        before = peak.most
        peak.start()
        for key in ("first_seconds", "seconds"):
            vote(campaign, key, truth, n_votes, rng)
            say("refreshing")
            campaign.refreshes.filter(status="queued").delete()
            job = Refresh.objects.create(campaign=campaign)
            worker.run(Refresh, job.id, refreshes.refresh)
            job.refresh_from_db()
            if job.status != "done":
                raise SystemExit(f"the refresh is {job.status}: {job.error}")
            figures[key] = round(job.figures["seconds"], 1)
            figures["parts_of_" + key] = job.figures["parts"]
            figures["accuracy"] = round(job.figures["accuracy"], 3)
        peak.ended.set()
        figures["votes"] = job.figures["votes"]
        figures["rss_growth_mb"] = round((peak.most - before) / 2**20)
        return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=202_599)
    parser.add_argument("--votes", type=int, default=3000)
    given = parser.parse_args()
    report("refresh", lambda: measure(given.faces, given.votes))

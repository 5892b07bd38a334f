"""A release of CelebA's size in every format: seconds for each, and memory growth.

`make bench NAME=export ARGS="--rows 202599"`. What is timed is what the worker does for a release:
labels fixed in the database, read once, written in every format, synced to disk and hashed.
"""

import argparse
import gc
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks._database import throw_away_database
from benchmarks._memory import Peak
from benchmarks._reporting import report, say
from benchmarks._rows import make_campaign

NAMES = {
    "labels.csv": "csv",
    "labels.jsonl": "jsonl",
    "metadata.jsonl": "metadata",
    "labels.parquet": "parquet",
    "list_illumination_celeba.txt": "celeba",
    "label_studio.json": "label_studio",
}


def believe_everything(var: Path, n_rows: int) -> Any:
    """A campaign in which something is believed of each of n faces."""
    from django.db import connection

    campaign = make_campaign(var, "export", n_rows)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO labeling_consensus
                (campaign_id, face_id, choice, probability, probabilities, source, n_votes,
                 updated_at)
            SELECT %s, id, (ARRAY['left','center','right'])[1 + id %% 3], 0.8,
                   CASE id %% 3 WHEN 0 THEN '{0.8,0.15,0.05}' WHEN 1 THEN '{0.1,0.8,0.1}'
                               ELSE '{0.05,0.15,0.8}' END::float8[],
                   CASE WHEN id %% 5 = 0 THEN 'human' ELSE 'model' END, (id %% 5 = 0)::int, now()
            FROM labeling_face
            """,
            [campaign.id],
        )
        cursor.execute("VACUUM ANALYZE labeling_consensus")
    return campaign


def timed(seconds: dict[str, float]) -> None:
    """Let every writer note how long it was busy."""
    from labeling import formats

    for name, writer in formats.LABEL_FILES.items():

        class Timed(writer):  # type: ignore[misc, valid-type]
            key = NAMES[name]

            def add(self, rows: Sequence[Any]) -> None:
                began = time.perf_counter()
                super().add(rows)
                seconds[self.key] += time.perf_counter() - began

            def close(self) -> None:
                began = time.perf_counter()
                super().close()
                seconds[self.key] += time.perf_counter() - began

        formats.LABEL_FILES[name] = Timed


def measure(n_rows: int) -> dict[str, Any]:
    with throw_away_database() as var:
        from labeling import jobs, releases, worker
        from labeling.models import Release

        say(f"believing something of {n_rows} faces")
        campaign = believe_everything(var, n_rows)
        seconds: dict[str, float] = defaultdict(float)
        timed(seconds)
        release = jobs.ask_release(campaign, user=None, body={}, key="")
        gc.collect()
        before = psutil.Process().memory_info().rss
        say("releasing")
        peak = Peak()
        peak.start()
        began = time.perf_counter()
        worker.run(Release, release.id, releases.write)
        took = time.perf_counter() - began
        peak.ended.set()
        release.refresh_from_db()
        if release.status != "done" or release.n_labels != n_rows:
            raise SystemExit(f"the release is {release.status}: {release.error}")
        return {
            "rows": n_rows,
            "seconds_by_format": {name: round(seconds[name], 2) for name in NAMES.values()},
            "seconds_in_all": round(took, 2),
            "bytes": {file["name"]: file["bytes"] for file in release.manifest["files"]},
            "rss_growth_mb": round((peak.most - before) / 2**20, 1),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=202_599)
    given = parser.parse_args()
    report("export", lambda: measure(given.rows))

"""Votes grouped by face, and Krippendorff's alpha of them: for a campaign now and for a release."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from labeling.learning.agreement import Metric, alpha_with_interval
from labeling.models import UNSURE, Campaign, Vote

# Degrees; the outer bins are open.
YAW_EDGES = [-25, -15, -5, 5, 15, 25]
# The only choices of which we know that they stand on a line.
ON_A_LINE = ["left", "center", "right"]
SEED = 2011


def describe(groups: Sequence[tuple[int | None, ...]], *, by_order: bool = False) -> dict[str, Any]:
    """Alpha and counts of groups (yaw bin, times each choice ..., times unsure, units)."""
    table = np.array([row[1:] for row in groups], dtype=np.int64)
    if not len(table):
        table = np.zeros((0, 4), dtype=np.int64)
    patterns, unsure, times = table[:, :-2], table[:, -2], table[:, -1]
    sure = int((patterns.sum(axis=1) * times).sum())
    n_unsure = int((unsure * times).sum())
    metrics = [Metric.NOMINAL, Metric.ORDINAL] if by_order else [Metric.NOMINAL]
    rng = np.random.default_rng(SEED)
    return {
        "alpha": {
            metric.value: alpha_with_interval(patterns, times, metric, rng).told()
            for metric in metrics
        },
        # Only faces with two answers or more tell of agreement.
        "units": int(times[patterns.sum(axis=1) > 1].sum()),
        "votes": sure + n_unsure,
        "unsure_share": n_unsure / (sure + n_unsure) if sure + n_unsure else None,
    }


def read_groups(campaign: Campaign, answers: QuerySet[Vote]) -> list[tuple[int | None, ...]]:
    """Faces grouped by yaw bin and answers: (bin, times each choice ..., times unsure, faces)."""
    values = [*campaign.values, UNSURE]
    times = {f"times_{i}": Count("id", filter=Q(choice=v)) for i, v in enumerate(values)}
    faces = answers.values("turn_id", yaw=F("turn__face__yaw_degrees")).annotate(**times)
    inner, parameters = faces.order_by().query.sql_with_params()
    columns = ", ".join(times)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT width_bucket(yaw, %s::float8[]), {columns}, count(*)
            FROM ({inner}) face GROUP BY 1, {columns} ORDER BY 1, {columns}
            """,  # noqa: S608 the query set's own text, and columns numbered above
            [YAW_EDGES, *parameters],
        )
        return cursor.fetchall()

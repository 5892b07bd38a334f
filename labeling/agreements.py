"""How far a campaign's annotators agree, from groups that the database counts.

Left out: trials of annotators, which are not evidence about faces (see votes.standing), and
accepted suggestions: people who accept the same one agree with the model, not with each other.
"Can't tell" is a missing answer to alpha and is told as a share of its own.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from labeling.learning.agreement import Metric, alpha, alpha_with_interval, rounded
from labeling.models import UNSURE, Campaign, User, Vote
from labeling.votes import standing

# Degrees; the outer bins are open.
YAW_EDGES = [-25, -15, -5, 5, 15, 25]
# The only choices of which we know that they stand on a line.
ON_A_LINE = ["left", "center", "right"]
SEED = 2011
READING = (
    "Alpha is 1 when all agree and 0 when they agree as often as chance would have it. Answers "
    "with an alpha from .8 on are commonly relied upon, below .667 they are not. It describes "
    "single votes: labels made from several votes, weighed by skill, are better than it suggests."
)


def agreement(campaign: Campaign) -> dict[str, Any]:
    """Alpha overall and by yaw, the share of "can't tell", and each pair of annotators."""
    groups = read_groups(campaign)
    overall = describe(groups, by_order=True)
    return {
        **overall,
        "order": {
            "choices": campaign.values,
            "is_natural": campaign.values == ON_A_LINE,
        },
        "by_yaw": [
            {"from": low, "to": high, **describe([row for row in groups if row[0] == number])}
            for number, (low, high) in enumerate(_bins())
            if any(row[0] == number for row in groups)
        ],
        "pairs": pairs(campaign),
        "left_out": {"accepted": accepted(campaign).count()},
        "reading": READING,
    }


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


def read_groups(campaign: Campaign) -> list[tuple[int | None, ...]]:
    """Faces grouped by yaw bin and answers: (bin, times each choice ..., times unsure, faces)."""
    values = [*campaign.values, UNSURE]
    times = {f"times_{i}": Count("id", filter=Q(choice=v)) for i, v in enumerate(values)}
    faces = answers(campaign).values("turn_id", yaw=F("turn__face__yaw_degrees")).annotate(**times)
    inner, parameters = faces.query.sql_with_params()
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


def pairs(campaign: Campaign) -> list[dict[str, Any]]:
    """Each two annotators who answered the same faces: how many, the share equal, their alpha."""
    inner, parameters = (
        answers(campaign).exclude(choice=UNSURE).values("turn_id", "annotator_id", "choice")
    ).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH answer AS MATERIALIZED ({inner})
            SELECT a.annotator_id, b.annotator_id, a.choice, b.choice, count(*)
            FROM answer a
            JOIN answer b ON b.turn_id = a.turn_id AND b.annotator_id > a.annotator_id
            GROUP BY 1, 2, 3, 4
            """,  # noqa: S608 the query set's own text
            parameters,
        )
        rows = cursor.fetchall()
    tables: dict[tuple[int, int], list[tuple[str, str, int]]] = {}
    for a, b, said_a, said_b, n in rows:
        tables.setdefault((a, b), []).append((said_a, said_b, n))
    people = {person for pair in tables for person in pair}
    names = dict(User.objects.filter(id__in=people).values_list("id", "username"))
    told = [_pair(campaign, names[a], names[b], table) for (a, b), table in tables.items()]
    return sorted(told, key=lambda pair: (pair["a"], pair["b"]))


def _pair(campaign: Campaign, a: str, b: str, table: list[tuple[str, str, int]]) -> dict[str, Any]:
    index = {value: i for i, value in enumerate(campaign.values)}
    patterns = np.zeros((len(table), len(index)), dtype=np.int64)
    for row, (said_a, said_b, _) in enumerate(table):
        patterns[row, index[said_a]] += 1
        patterns[row, index[said_b]] += 1
    n = sum(times for *_, times in table)
    equal = sum(times for said_a, said_b, times in table if said_a == said_b)
    value = alpha(patterns, np.array([times for *_, times in table]))
    return {"a": a, "b": b, "n": n, "equal": equal / n, "alpha": rounded(value)}


def answers(campaign: Campaign) -> QuerySet[Vote]:
    """The votes that agreement is about."""
    return standing(campaign).exclude(channel=Vote.Channel.ACCEPTED).order_by()


def accepted(campaign: Campaign) -> QuerySet[Vote]:
    return standing(campaign).filter(channel=Vote.Channel.ACCEPTED)


def _bins() -> list[tuple[int | None, int | None]]:
    edges = [None, *YAW_EDGES, None]
    return list(pairwise(edges))

"""How far a campaign's annotators agree, from groups that the database counts.

Left out: trials of annotators, which are not evidence about faces (see votes.standing), and
accepted suggestions: people who accept the same one agree with the model, not with each other.
"Can't tell" is a missing answer to alpha and is told as a share of its own.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from labeling.answered import ON_A_LINE, YAW_EDGES, describe, read_groups
from labeling.learning.agreement import alpha, rounded
from labeling.models import UNSURE, Campaign, User, Vote
from labeling.votes import standing

READING = (
    "Alpha is 1 when all agree and 0 when they agree as often as chance would have it. Answers "
    "with an alpha from .8 on are commonly relied upon, below .667 they are not. It describes "
    "single votes: labels made from several votes, weighed by skill, are better than it suggests."
)


def agreement(campaign: Campaign) -> dict[str, Any]:
    """Alpha overall and by yaw, the share of "can't tell", and each pair of annotators."""
    groups = read_groups(campaign, answers(campaign))
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

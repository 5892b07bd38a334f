"""[worker] Audit faces with their answers: the only reader of those as the truth.

Nothing that trains or tunes may import this module, nor read what it reads: answers on audit faces
reach everybody else with "teaches nothing" on them (see consensus).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection

from labeling.learning.lots import Draw
from labeling.models import UNSURE, AuditDraw, Campaign

UNSETTLED = -1


@dataclass(frozen=True)
class Said:
    """Faces (n,) and what the model says of each: probabilities (n, k), nan where nothing.

    certainty  (n,) of the likeliest choice; choice (n,) its place among the campaign's
    yaw        (n,) degrees, nan = unknown
    attributes (n,) bit i = the dataset's i-th attribute; -1 = unknown
    """

    face_ids: np.ndarray
    probabilities: np.ndarray
    yaw: np.ndarray
    attributes: np.ndarray

    @cached_property
    def certainty(self) -> np.ndarray:
        return self.probabilities.max(axis=1, initial=-1.0)

    @cached_property
    def choice(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    def only(self, rows: np.ndarray) -> "Said":
        return Said(
            self.face_ids[rows], self.probabilities[rows], self.yaw[rows], self.attributes[rows]
        )


@dataclass(frozen=True)
class Material:
    """What a certificate is made of, read at one moment.

    pool     faces that only the model has labeled, and that any of the draws could have drawn
    audited  the audit faces; truth (n,) their answers: 0..k-1, k = can't tell, UNSETTLED
    taken    faces that could be drawn and that people have labeled since, by the model's word
    draws    the drawings they came from, and how many faces people took since each
    """

    pool: Said
    audited: Said
    taken: Said
    truth: np.ndarray
    draws: list[AuditDraw]
    counts: list[Draw]

    @property
    def is_wrong(self) -> np.ndarray:
        """Whether publishing the model's label would be wrong; in doubt it would be.

        A face of which people can't tell has no right label, and one that is not settled might
        turn out wrong: both count against the model.
        """
        return self.audited.choice != self.truth


def read(campaign: Campaign, draws: Sequence[AuditDraw]) -> Material:
    """The campaign's audit faces with their answers, and the faces that they speak for."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT turn.face_id, said.probabilities, face.yaw_degrees, turn.audit_draw_id,
                   touched.at, face.attributes
            FROM labeling_turn turn
            JOIN labeling_face face ON face.id = turn.face_id
            LEFT JOIN labeling_suggestion said
                ON said.campaign_id = turn.campaign_id AND said.face_id = turn.face_id
            LEFT JOIN (
                SELECT face_id, min(at) AS at FROM (
                    SELECT asked.face_id, vote.created_at AS at FROM labeling_vote vote
                    JOIN labeling_turn asked ON asked.id = vote.turn_id
                    WHERE asked.campaign_id = %(campaign)s AND asked.kind = 'ask'
                    UNION ALL
                    SELECT face_id, created_at FROM labeling_adjudication
                    WHERE campaign_id = %(campaign)s
                ) any_touch GROUP BY face_id
            ) touched ON touched.face_id = turn.face_id
            WHERE turn.campaign_id = %(campaign)s AND turn.id <= %(newest)s
              AND (turn.kind = 'ask' OR turn.audit_draw_id = ANY(%(draws)s))
            ORDER BY turn.face_id
            """,
            {
                "campaign": campaign.id,
                "newest": draws[-1].newest_turn,
                "draws": [draw.id for draw in draws],
            },
        )
        rows = cursor.fetchall()
    said = _said(rows, len(campaign.values))
    is_audit = np.array([row[3] is not None for row in rows], dtype=bool)
    times = [None if row[3] is not None else row[4] for row in rows]
    is_taken = np.array([at is not None and at >= draws[0].drawn_at for at in times], dtype=bool)
    is_free = np.array([at is None for at in times], dtype=bool) & ~is_audit
    audited = said.only(is_audit)
    drawn = np.array([row[3] for row in rows if row[3] is not None])
    return Material(
        pool=said.only(is_free),
        audited=audited,
        taken=said.only(is_taken),
        truth=_truth(campaign, audited.face_ids),
        draws=list(draws),
        counts=[_count(draw, int((drawn == draw.id).sum()), times) for draw in draws],
    )


def _said(rows: list[tuple[Any, ...]], n_choices: int) -> Said:
    nothing = [np.nan] * n_choices
    return Said(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] or nothing for row in rows], dtype=float).reshape(-1, n_choices),
        np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=float),
        np.array([-1 if row[5] is None else row[5] for row in rows], dtype=np.int64),
    )


def _count(draw: AuditDraw, n_drawn: int, times: list[datetime | None]) -> Draw:
    n_taken = sum(at is not None and at >= draw.drawn_at for at in times)
    # Who held a face when the lot was drawn took it from nobody: then there are more than fit.
    return Draw(n_drawn, draw.n_pool, min(n_taken, draw.n_pool - n_drawn))


def _truth(campaign: Campaign, face_ids: np.ndarray) -> np.ndarray:
    """What people say of audit faces: the last word, else what more than half of them answered.

    Two equal answers at least, and more than half of the votes wanted; "can't tell" is an answer.
    """
    index = {value: i for i, value in enumerate([*campaign.values, UNSURE])}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT turn.face_id, turn.wanted, vote.choice, count(*)
            FROM labeling_vote vote JOIN labeling_turn turn ON turn.id = vote.turn_id
            WHERE turn.campaign_id = %s AND turn.kind = 'audit' AND vote.choice IS NOT NULL
              -- Of a vote from a file nobody knows whether it was cast blind.
              AND vote.source <> 'imported'
              AND NOT EXISTS (
                  SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
            GROUP BY turn.face_id, turn.wanted, vote.choice
            """,
            [campaign.id],
        )
        rows = cursor.fetchall()
    answers: dict[int, np.ndarray] = {}
    wanted: dict[int, int] = {}
    for face, most, choice, n in rows:
        answers.setdefault(face, np.zeros(len(index), dtype=int))[index[choice]] = n
        wanted[face] = most
    settled = {
        face: int(n.argmax())
        for face, n in answers.items()
        if n.max() >= 2 and 2 * n.max() > max(n.sum(), wanted[face])
    }
    newest = campaign.adjudications.order_by("face_id", "-id").distinct("face_id")
    settled |= {face: index[choice] for face, choice in newest.values_list("face_id", "choice")}
    return np.array([settled.get(int(face), UNSETTLED) for face in face_ids], dtype=int)

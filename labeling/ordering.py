"""[worker] What to ask next: the queue's head, what the grid proposes, who is asked about again."""

import numpy as np
from django.db import connection

from labeling.consensus import Belief
from labeling.models import Campaign

TURNS_AT_ONCE = 2000
# A turn's certainty, in percent, is written again when it moved by more than this.
CERTAINTY_MOVED = 3


def reopen(campaign: Campaign, belief: Belief) -> int:
    """Want one vote more of turns that are closed and still in doubt; returns how many.

    A turn is reopened only while its votes are those that were looked at, and only by the rule
    that looks at risk: see stopping.
    """
    if campaign.stop_rule != Campaign.StopRule.RISK:
        return 0
    reopened = 0
    doubtful = np.flatnonzero(belief.asks_more)
    for part in _parts(len(doubtful)):
        rows = doubtful[part]
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH doubt AS (
                    SELECT * FROM unnest(%s::bigint[], %s::int[]) AS doubt (face_id, n_votes)
                ), free AS (
                    SELECT turn.id FROM labeling_turn turn JOIN doubt USING (face_id)
                    WHERE turn.campaign_id = %s AND turn.kind = 'ask' AND turn.had = turn.wanted
                      AND turn.had = doubt.n_votes AND turn.wanted < %s
                    ORDER BY turn.id FOR UPDATE OF turn SKIP LOCKED
                )
                UPDATE labeling_turn turn SET wanted = turn.wanted + 1, closing_rule = ''
                FROM free WHERE turn.id = free.id AND turn.had = turn.wanted
                """,
                [
                    belief.face_ids[rows].tolist(),
                    belief.n_votes[rows].tolist(),
                    campaign.id,
                    campaign.votes_max,
                ],
            )
            reopened += cursor.rowcount
    return reopened


def prioritize(
    campaign: Campaign, face_ids: np.ndarray, reasons: np.ndarray, propensity: np.ndarray
) -> None:
    """Put these faces' turns (n,) at the head of the queue, in this order, each with its reason.

    The head lies above 1; what stood there before and is not named goes back among the others,
    where the order is by lot. So a refresh writes some thousand rows, however large the campaign.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH free AS (
                SELECT turn.id FROM labeling_turn turn
                WHERE turn.campaign_id = %s AND turn.kind = 'ask' AND turn.priority > 1
                  AND turn.wanted > turn.had + turn.held AND turn.face_id <> ALL(%s)
                ORDER BY turn.id FOR UPDATE OF turn SKIP LOCKED
            )
            UPDATE labeling_turn turn SET priority = random(), reason = '', propensity = NULL
            FROM free WHERE turn.id = free.id
            """,
            [campaign.id, face_ids.tolist()],
        )
    priorities = 2 - np.arange(len(face_ids)) / max(len(face_ids), 1)
    chance = [None if np.isnan(p) else float(p) for p in propensity]
    for part in _parts(len(face_ids)):
        # SKIP LOCKED: an annotator who votes or claims now never waits for us, nor we in a
        # ring with them; the turns they hold get their priority from the next refresh.
        _write_turns(
            """
            WITH wish AS (
                SELECT * FROM unnest(%s::bigint[], %s::float8[], %s::text[], %s::float8[])
                    AS wish (face_id, priority, reason, propensity)
            ), free AS (
                SELECT turn.id, wish.* FROM labeling_turn turn JOIN wish USING (face_id)
                WHERE turn.campaign_id = %s AND turn.kind = 'ask'
                ORDER BY turn.id FOR UPDATE OF turn SKIP LOCKED
            )
            UPDATE labeling_turn turn SET priority = free.priority, reason = free.reason,
                   propensity = free.propensity
            FROM free WHERE turn.id = free.id
            """,
            [
                face_ids[part].tolist(),
                priorities[part].tolist(),
                reasons[part].tolist(),
                chance[part],
                campaign.id,
            ],
        )


def propose(campaign: Campaign, face_ids: np.ndarray, model: np.ndarray) -> None:
    """Write on open turns what the model (n, k) says, for the grid and for who sees suggestions.

    A row is written only where the choice or the certainty moved noticeably.
    """
    values = np.array(campaign.values)
    said = values[model.argmax(axis=1)]
    certainty = np.floor(100 * model.max(axis=1)).astype(int)
    for part in _parts(len(face_ids)):
        _write_turns(
            """
            WITH wish AS (
                SELECT * FROM unnest(%s::bigint[], %s::text[], %s::int[])
                    AS wish (face_id, suggested, certainty)
            ), free AS (
                SELECT turn.id, wish.suggested, wish.certainty
                FROM labeling_turn turn JOIN wish USING (face_id)
                WHERE turn.campaign_id = %s AND turn.kind = 'ask' AND turn.wanted > turn.had
                  AND (turn.suggested <> wish.suggested
                       OR abs(turn.certainty - wish.certainty) > %s)
                ORDER BY turn.id FOR UPDATE OF turn SKIP LOCKED
            )
            UPDATE labeling_turn turn SET suggested = free.suggested, certainty = free.certainty
            FROM free WHERE turn.id = free.id
            """,
            [
                face_ids[part].tolist(),
                said[part].tolist(),
                certainty[part].tolist(),
                campaign.id,
                CERTAINTY_MOVED,
            ],
        )


def _write_turns(statement: str, given: list[object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)


def _parts(n: int) -> list[slice]:
    return [slice(start, start + TURNS_AT_ONCE) for start in range(0, n, TURNS_AT_ONCE)]

"""[worker] What we believe of each face, from its votes and the classifier; what to ask next."""

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from labeling.importing.copy import copy_rows
from labeling.learning.aggregation import Opinion, aggregate, combine
from labeling.models import UNSURE, Campaign, Consensus

# Another vote is asked for while the chance of being wrong is above this.
RISK = 0.2
TURNS_AT_ONCE = 2000


@dataclass(frozen=True)
class Belief:
    """What is believed of faces (n,): probabilities (n, k), votes, and whether to ask again.

    is_human  somebody gave an answer; is_known: so did somebody or the model
    """

    face_ids: np.ndarray
    probabilities: np.ndarray
    n_votes: np.ndarray
    is_human: np.ndarray
    is_known: np.ndarray
    asks_more: np.ndarray


def read_opinion(campaign: Campaign) -> Opinion:
    """What the campaign's standing votes say, face by face."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT turn.face_id, vote.annotator_id, vote.choice
            FROM labeling_vote vote JOIN labeling_turn turn ON turn.id = vote.turn_id
            WHERE turn.campaign_id = %s AND vote.choice IS NOT NULL
              AND NOT EXISTS (
                  SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
            ORDER BY turn.face_id, vote.annotator_id
            """,
            [campaign.id],
        )
        votes = cursor.fetchall()
    index = {value: i for i, value in enumerate([*campaign.values, UNSURE])}
    columns = np.array([(f, a, index[c]) for f, a, c in votes], dtype=np.int64).reshape(-1, 3)
    return aggregate(columns[:, 0], columns[:, 1], columns[:, 2], len(campaign.values))


def believe(opinion: Opinion, face_ids: np.ndarray, model: np.ndarray | None) -> Belief:
    """Join people's opinion with the model's.

    face_ids  (n,) sorted, the faces that the model speaks of
    model     (n, k) probabilities that no vote on the face itself went into; None: no model yet
    """
    if model is None:
        face_ids, model = face_ids[:0], opinion.posterior[:0]
    everyone = np.union1d(face_ids, opinion.faces)
    described = np.searchsorted(everyone, face_ids)
    voted = np.searchsorted(everyone, opinion.faces)
    probabilities = np.full((len(everyone), opinion.posterior.shape[1]), 1.0)
    probabilities /= probabilities.shape[1]
    probabilities[described] = model
    probabilities[voted] = combine(opinion.posterior, probabilities[voted])
    n_votes = np.zeros(len(everyone), dtype=np.int64)
    n_votes[voted] = opinion.n_votes
    is_human, is_known, asks_more = np.zeros((3, len(everyone)), dtype=bool)
    is_human[voted] = opinion.n_sure > 0
    # "Can't tell" alone is no belief; the model's word on the face makes it one.
    is_known[described] = True
    risk = 1 - probabilities[voted].max(axis=1, initial=0)
    asks_more[voted] = opinion.disagrees | (opinion.n_sure == 0) | (risk > RISK)
    return Belief(everyone, probabilities, n_votes, is_human, is_known | is_human, asks_more)


def store(campaign: Campaign, belief: Belief) -> None:
    """Replace the campaign's consensus; faces of which nothing is believed any more lose theirs."""
    values, known = campaign.values, belief.is_known
    rows = (
        (
            face,
            values[int(np.argmax(row))],
            f"{max(row):.6f}",
            "{" + ",".join(f"{p:.6f}" for p in row) + "}",
            Consensus.Source.HUMAN.value if human else Consensus.Source.MODEL.value,
            n,
        )
        for face, row, human, n in zip(
            belief.face_ids[known],
            belief.probabilities[known].tolist(),
            belief.is_human[known],
            belief.n_votes[known],
            strict=True,
        )
    )
    columns = ("face_id", "choice", "probability", "probabilities", "source", "n_votes")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE believed (face_id bigint PRIMARY KEY, choice varchar(40), "
            "probability double precision, probabilities double precision[], "
            "source varchar(10), n_votes smallint) ON COMMIT DROP"
        )
        copy_rows(cursor, "believed", columns, rows)
        cursor.execute("ANALYZE believed")
        cursor.execute(
            """
            DELETE FROM labeling_consensus old WHERE campaign_id = %s
            AND NOT EXISTS (SELECT 1 FROM believed WHERE believed.face_id = old.face_id)
            """,
            [campaign.id],
        )
        cursor.execute(
            """
            INSERT INTO labeling_consensus AS old (campaign_id, face_id, choice, probability,
                                                   probabilities, source, n_votes, updated_at)
            SELECT %s, face_id, choice, probability, probabilities, source, n_votes, now()
            FROM believed ORDER BY face_id
            ON CONFLICT (campaign_id, face_id) DO UPDATE SET
                choice = excluded.choice, probability = excluded.probability,
                probabilities = excluded.probabilities, source = excluded.source,
                n_votes = excluded.n_votes, updated_at = excluded.updated_at
            WHERE (old.probabilities, old.source, old.n_votes)
                IS DISTINCT FROM (excluded.probabilities, excluded.source, excluded.n_votes)
            """,
            [campaign.id],
        )
        cursor.execute("DROP TABLE believed")


def reopen(campaign: Campaign, belief: Belief) -> int:
    """Want one vote more of turns that are closed and still in doubt; returns how many.

    A turn is reopened only while its votes are those that were looked at.
    """
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
                    WHERE turn.campaign_id = %s AND turn.had = turn.wanted
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


def prioritize(campaign: Campaign, face_ids: np.ndarray, priorities: np.ndarray) -> None:
    """Write the priorities (n,) of these faces' turns."""
    for part in _parts(len(face_ids)):
        with connection.cursor() as cursor:
            # SKIP LOCKED: an annotator who votes or claims now never waits for us, nor we in a
            # ring with them; the turns they hold get their priority from the next refresh.
            cursor.execute(
                """
                WITH wish AS (
                    SELECT * FROM unnest(%s::bigint[], %s::float8[]) AS wish (face_id, priority)
                ), free AS (
                    SELECT turn.id, wish.priority FROM labeling_turn turn JOIN wish USING (face_id)
                    WHERE turn.campaign_id = %s
                    ORDER BY turn.id FOR UPDATE OF turn SKIP LOCKED
                )
                UPDATE labeling_turn turn SET priority = free.priority
                FROM free WHERE turn.id = free.id
                """,
                [face_ids[part].tolist(), priorities[part].tolist(), campaign.id],
            )


def _parts(n: int) -> list[slice]:
    return [slice(start, start + TURNS_AT_ONCE) for start in range(0, n, TURNS_AT_ONCE)]

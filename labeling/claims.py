"""Claims: one statement from the choice of turns to the leases that hold them."""

from typing import Any

from django.db import connection

from labeling.leases import HELD_COLUMNS, HELD_FACES, HeldFace, read_held
from labeling.models import Campaign, Turn, User
from labeling.trials import Trial

# So many more than asked for stand to be drawn, so that annotators meet different faces.
SPREAD = 30
# The grid proposes what the model is at least so sure of, in percent.
GRID_CERTAINTY = 60

# A trial that borrows the face's name is not on screen and was answered, or was left long ago.
_TRIAL_IS_OVER = """
    NOT EXISTS (SELECT 1 FROM labeling_lease trial WHERE trial.turn_id = lent.turn_id
                AND trial.annotator_id = lent.annotator_id)
    AND (lent.lent_at < now() - interval '1 day'
         OR EXISTS (SELECT 1 FROM labeling_vote trial WHERE trial.turn_id = lent.turn_id
                    AND trial.annotator_id = lent.annotator_id))
"""
# Turns with a free place for somebody who neither holds nor has voted on them.
_FREE_FOR_ME = f"""
    turn.campaign_id = %(campaign)s AND turn.wanted > turn.had + turn.held
    AND NOT EXISTS (
        SELECT 1 FROM labeling_lease mine
        WHERE mine.turn_id = turn.id AND mine.annotator_id = %(annotator)s)
    AND NOT EXISTS (
        SELECT 1 FROM labeling_vote vote
        WHERE vote.turn_id = turn.id AND vote.annotator_id = %(annotator)s
          AND vote.choice IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id))
    AND NOT EXISTS (
        SELECT 1 FROM labeling_disguise lent
        WHERE lent.face_id = turn.face_id AND lent.annotator_id = %(annotator)s
          AND NOT (%(at_last)s AND {_TRIAL_IS_OVER}))
"""  # noqa: S608 the interpolated condition is the constant above
# Whether the model's word goes with the face, and whether the lot withholds it.
_SUGGESTED = """
    CASE WHEN %(noted)s THEN turn.suggested ELSE '' END AS suggested,
    %(noted)s::boolean AND random() < %(blind)s AS is_blind, FALSE AS is_catch
"""
# One statement from the choice of turns to their leases. The turns in `free` are locked, and
# PostgreSQL has checked them again against their newest rows; the claim then updates those rows, as
# an array: joined, by statistics of an earlier campaign's leases, it would read all turns for ten.
_LEASE = f"""
    , lease AS (
        INSERT INTO labeling_lease
            (turn_id, annotator_id, expires_at, is_grid, suggested, is_blind, is_catch)
        SELECT free.id, %(annotator)s, now() + %(seconds)s * interval '1 second',
               %(is_grid)s, free.suggested, free.is_blind, free.is_catch
        FROM free
        ON CONFLICT (turn_id, annotator_id) DO NOTHING
        RETURNING turn_id, annotator_id, expires_at, suggested, is_blind, is_catch
    ), turn AS (
        UPDATE labeling_turn turn
        SET held = turn.held + 1,
            wanted = CASE WHEN %(grows)s
                          THEN greatest(turn.wanted, turn.had + turn.held + 1)
                          ELSE turn.wanted END
        WHERE turn.id = ANY(ARRAY(SELECT turn_id FROM lease))
        RETURNING turn.id, turn.face_id, turn.certainty
    )
    SELECT {HELD_COLUMNS}
    FROM turn JOIN lease ON lease.turn_id = turn.id {HELD_FACES}
"""  # noqa: S608 what is interpolated are constants


def claim(campaign: Campaign, annotator: User, count: int, kind: str) -> list[HeldFace]:
    """Lease up to `count` turns of a kind, drawn from the head of the queue.

    Fewer may come while others claim the same head: see claim_all.
    """
    if count <= 0:
        return []
    statement = f"""
        WITH head AS MATERIALIZED (
            SELECT turn.id FROM labeling_turn turn WHERE turn.kind = %(kind)s AND {_FREE_FOR_ME}
            ORDER BY turn.priority DESC, turn.id LIMIT %(head)s
        ), free AS (
            SELECT turn.id, {_SUGGESTED}
            FROM labeling_turn turn JOIN head USING (id)
            WHERE turn.wanted > turn.had + turn.held
            ORDER BY random() LIMIT %(count)s
            FOR UPDATE OF turn SKIP LOCKED
        ) {_LEASE}
    """  # noqa: S608 only constants of this module
    given = {"kind": kind, "count": count, "head": count + SPREAD}
    return _leased(campaign, annotator, statement, given | _shows(campaign, kind))


def claim_all(
    campaign: Campaign, annotator: User, count: int, kind: str, *, at_last: bool = False
) -> list[HeldFace]:
    """Lease `count` turns of a kind if there are so many at all, as far from the head as it takes.

    at_last  nothing else is left, so those whose names trials have borrowed may come, too
    SKIP LOCKED: another annotator who claims now takes other turns instead of waiting.
    """
    if count <= 0:
        return []
    found = [] if at_last else claim(campaign, annotator, count, kind)
    if len(found) >= count:
        return found
    statement = f"""
        WITH free AS (
            SELECT turn.id, {_SUGGESTED}
            FROM labeling_turn turn WHERE turn.kind = %(kind)s AND {_FREE_FOR_ME}
            ORDER BY turn.priority DESC, turn.id LIMIT %(count)s
            FOR UPDATE OF turn SKIP LOCKED
        ) {_LEASE}
    """  # noqa: S608 only constants of this module
    given = {"kind": kind, "count": count - len(found), "at_last": at_last}
    return found + _leased(campaign, annotator, statement, given | _shows(campaign, kind))


def _shows(campaign: Campaign, kind: str) -> dict[str, Any]:
    # Audits are always blind, and nothing is noted of what the model might have said.
    return {
        "noted": campaign.shows_suggestions and kind == Turn.Kind.ASK,
        "blind": campaign.blind_share,
    }


def claim_to_verify(campaign: Campaign, annotator: User, count: int, choice: str) -> list[HeldFace]:
    """Lease up to `count` turns that the model gives this choice, the most certain first."""
    statement = f"""
        WITH free AS (
            SELECT turn.id, turn.suggested, FALSE AS is_blind, FALSE AS is_catch
            FROM labeling_turn turn
            WHERE turn.kind = 'ask' AND turn.suggested = %(choice)s AND turn.suggested <> ''
              AND turn.certainty >= %(certainty)s AND {_FREE_FOR_ME}
            ORDER BY turn.certainty DESC, turn.id LIMIT %(count)s
            FOR UPDATE OF turn SKIP LOCKED
        ) {_LEASE} ORDER BY turn.certainty DESC, turn.id
    """  # noqa: S608 only constants of this module
    given = {"choice": choice, "count": count, "certainty": GRID_CERTAINTY}
    return _leased(campaign, annotator, statement, given, is_grid=True)


def claim_trials(
    campaign: Campaign, annotator: User, wished: list[Trial], *, is_grid: bool = False
) -> list[HeldFace]:
    """Lease these turns, which then want as many votes as there are people to try."""
    if not wished:
        return []
    statement = f"""
        WITH wish AS (
            SELECT * FROM unnest(%(ids)s::bigint[], %(proposals)s::text[]) AS wish (id, suggested)
        ), free AS (
            SELECT turn.id, wish.suggested, FALSE AS is_blind, wish.suggested <> '' AS is_catch
            FROM labeling_turn turn JOIN wish USING (id)
            FOR UPDATE OF turn SKIP LOCKED
        ) {_LEASE}
    """  # noqa: S608 only constants of this module
    given = {"ids": [t.turn_id for t in wished], "proposals": [t.suggested for t in wished]}
    return _leased(campaign, annotator, statement, given, is_grid=is_grid, grows=True)


def _leased(
    campaign: Campaign,
    annotator: User,
    statement: str,
    given: dict[str, Any],
    *,
    is_grid: bool = False,
    grows: bool = False,
) -> list[HeldFace]:
    """Run a claim; `grows`: the turns want as many votes as there are people to try."""
    common = {
        "campaign": campaign.id,
        "annotator": annotator.id,
        "seconds": campaign.lease_seconds,
        "is_grid": is_grid,
        "grows": grows,
        "at_last": False,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, common | given)
        return [read_held(row) for row in cursor.fetchall()]

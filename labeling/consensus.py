"""[worker] What we believe of each face, from its votes and the classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from django.db import connection, transaction

from labeling.importing.copy import copy_rows
from labeling.learning.aggregation import Opinion, aggregate
from labeling.learning.stacking import Stack, fit_stack
from labeling.models import UNSURE, Campaign, Consensus, Turn
from labeling.skills import PEOPLE_PER_PERSON, UNTRIED, read_watchfulness

# Another vote is asked for while the chance of being wrong is above this.
RISK = 0.1


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


# What a model says of faces whose votes it has not seen: their ids (n,), sorted, and (n, k).
Witness = tuple[np.ndarray, np.ndarray]


def read_opinion(campaign: Campaign) -> Opinion:
    """What the campaign's standing votes and last words say, face by face."""
    return read_votes(campaign)()


def read_votes(campaign: Campaign) -> Callable[..., Opinion]:
    """The campaign's standing votes and last words, to be aggregated: opinion(witness=...).

    Votes on audit faces say something of their face and teach nothing. Mirror trials and catches
    say something of annotators only. Who accepts a grid's suggestions is somebody else than who
    answers by themselves: such answers lean on the model, and count as far as catches are caught.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT turn.face_id, vote.annotator_id, vote.choice, turn.kind <> 'audit',
                   vote.channel = 'accepted'
            FROM labeling_vote vote JOIN labeling_turn turn ON turn.id = vote.turn_id
            WHERE turn.campaign_id = %s AND vote.choice IS NOT NULL
              AND turn.kind <> 'mirror' AND NOT vote.is_catch
              AND NOT EXISTS (
                  SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
            ORDER BY turn.face_id, vote.annotator_id
            """,
            [campaign.id],
        )
        votes = cursor.fetchall()
    index = {value: i for i, value in enumerate([*campaign.values, UNSURE])}
    columns = np.array(
        [(f, PEOPLE_PER_PERSON * a + ok, index[c], t, ok) for f, a, c, t, ok in votes],
        dtype=np.int64,
    ).reshape(-1, 5)
    face, person, choice, teaches, accepted = columns.T
    watchful = read_watchfulness(campaign)
    trust = np.ones(len(face))
    for row in np.flatnonzero(accepted):
        trust[row] = watchful.get(int(person[row]) // PEOPLE_PER_PERSON, UNTRIED)
    newest = campaign.adjudications.order_by("face_id", "-id").distinct("face_id")
    words = list(newest.values_list("face_id", "choice"))
    # A last word on an audit face teaches as little as the votes on it, and may come without any.
    audits = Turn.objects.filter(campaign=campaign, kind=Turn.Kind.AUDIT)
    return partial(
        aggregate,
        face,
        person,
        choice,
        len(campaign.values),
        trust=trust,
        teaches=teaches.astype(bool),
        last_words=(
            np.array([face_id for face_id, _ in words], dtype=np.int64),
            np.array([index[value] for _, value in words], dtype=np.int64),
        ),
        silent=np.array(audits.values_list("face_id", flat=True), dtype=np.int64),
        mirror_of=mirror_of(campaign),
    )


def mirror_of(campaign: Campaign) -> np.ndarray:
    """For each choice (k,) the one that the mirrored face has."""
    return np.array([campaign.values.index(choice["mirror"]) for choice in campaign.choices])


def _is_open(posterior: np.ndarray) -> np.ndarray:
    """Where the posterior (n, k) is even: nobody can tell."""
    return np.ptp(posterior, axis=1) < 1e-9


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
    stack = _learn_stack(opinion, np.isin(opinion.faces, face_ids), probabilities[voted])
    probabilities[voted] = np.where(
        opinion.settled[:, None],
        opinion.posterior,
        stack.believe(opinion.by_votes, probabilities[voted]),
    )
    n_votes = np.zeros(len(everyone), dtype=np.int64)
    n_votes[voted] = opinion.n_votes
    is_human, is_known, asks_more = np.zeros((3, len(everyone)), dtype=bool)
    is_human[voted] = (opinion.n_sure > 0) | (opinion.settled & ~_is_open(opinion.posterior))
    # "Can't tell" alone is no belief; the model's word on the face makes it one.
    is_known[described] = True
    risk = 1 - probabilities[voted].max(axis=1, initial=0)
    asks_more[voted] = opinion.tied | (opinion.n_sure == 0) | (risk > RISK)
    asks_more[voted] &= ~opinion.settled
    return Belief(everyone, probabilities, n_votes, is_human, is_known | is_human, asks_more)


def _learn_stack(opinion: Opinion, is_described: np.ndarray, model: np.ndarray) -> Stack:
    """How much people's votes and the model (n, k) are worth, from faces that were settled.

    Audit faces weigh nothing, so none of them is among those.
    """
    told = opinion.settled & is_described & (opinion.n_sure > 0) & (opinion.weight > 0)
    truth = opinion.posterior[told].argmax(axis=1)
    return fit_stack(opinion.by_votes[told], model[told], truth)


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

"""Faces that people do not agree about, and a manager's last word on them."""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q

from labeling import acts, tasks
from labeling.errors import NotFound, Refused
from labeling.models import UNSURE, Adjudication, Campaign, Face, User
from labeling.votes import standing

# A face with votes whose consensus is less likely than this is contested even if nobody disagreed.
SURE_ENOUGH = 0.8
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Contested:
    """A face in doubt; doubt is in permille, votes are (annotator, choice)."""

    face_id: int
    filename: str
    width: int | None
    height: int | None
    is_closed: bool
    doubt: int
    choice: str | None
    probability: float | None
    votes: list[tuple[str, str]]

    @property
    def cursor(self) -> str:
        """Where a list that ended with this face goes on."""
        return f"{int(self.is_closed)}.{self.doubt}.{self.face_id}"


def contested(campaign: Campaign, *, after: str = "", most: int = 20) -> list[Contested]:
    """Faces that nobody has settled, faces with all their votes first, most doubtful first.

    A face is contested when its votes disagree, when nobody could tell, or when its consensus is
    unsure. Doubt is the share of answers against the commonest one, or the consensus' own chance
    of being wrong if that is more; n people who all can't tell leave a doubt of n / (n + 1).
    after   a Contested's cursor
    raises  Refused for another cursor
    """
    where, parameters = _in_doubt(campaign)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT doubtful.face_id, face.filename, face.width, face.height,
                   doubtful.is_closed, doubtful.doubt, doubtful.choice, doubtful.probability,
                   doubtful.turn_id
            FROM ({where}) doubtful JOIN labeling_face face ON face.id = doubtful.face_id
            WHERE (doubtful.is_closed, doubtful.doubt, doubtful.face_id) < (%s, %s, %s)
            ORDER BY doubtful.is_closed DESC, doubtful.doubt DESC, doubtful.face_id DESC LIMIT %s
            """,  # noqa: S608 the query built below
            [*parameters, *_read_cursor(after), min(most, MOST_AT_ONCE)],
        )
        rows = cursor.fetchall()
    votes = _votes_of(campaign, [row[-1] for row in rows])
    return [Contested(*row[:-1], votes=votes.get(row[-1], [])) for row in rows]


def count_contested(campaign: Campaign) -> int:
    where, parameters = _in_doubt(campaign)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({where}) doubtful", parameters)  # noqa: S608
        return cursor.fetchone()[0]


def _in_doubt(campaign: Campaign) -> tuple[str, list[Any]]:
    """The contested faces as a query: face_id, turn_id, is_closed, doubt, choice, probability."""
    times = {
        f"times_{i}": Count("id", filter=Q(choice=value)) for i, value in enumerate(campaign.values)
    }
    tallies = (
        standing(campaign)
        .order_by()
        .values("turn_id")
        .annotate(n=Count("id"), n_unsure=Count("id", filter=Q(choice=UNSURE)), **times)
    )
    inner, parameters = tallies.query.sql_with_params()
    query = f"""
        SELECT turn.face_id, turn.id AS turn_id, turn.had >= turn.wanted AS is_closed,
               believed.choice, believed.probability,
               round(1000 * greatest(
                   CASE WHEN n = n_unsure THEN n / (n + 1.0)
                        ELSE 1 - greatest({", ".join(times)})::numeric / (n - n_unsure) END,
                   CASE WHEN believed.source = 'human' THEN 1 - believed.probability::numeric END
               ))::int AS doubt
        FROM ({inner}) tally
        JOIN labeling_turn turn ON turn.id = tally.turn_id
        LEFT JOIN labeling_consensus believed
            ON believed.face_id = turn.face_id AND believed.campaign_id = turn.campaign_id
        WHERE (n = n_unsure OR greatest({", ".join(times)}) < n - n_unsure
               OR believed.probability < %s)
          AND NOT EXISTS (SELECT 1 FROM labeling_adjudication word
                          WHERE word.campaign_id = turn.campaign_id
                            AND word.face_id = turn.face_id)
        """  # noqa: S608 the query set's own text, and columns numbered above
    return query, [*parameters, SURE_ENOUGH]


def _read_cursor(after: str) -> tuple[bool, int, int]:
    if not after:
        return True, 2000, 0
    parts = after.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise Refused("invalid", f"The cursor is {after!r}; expected one from an earlier answer.")
    is_closed, doubt, face_id = map(int, parts)
    return bool(is_closed), min(doubt, 2000), face_id


def _votes_of(campaign: Campaign, turn_ids: list[int]) -> dict[int, list[tuple[str, str]]]:
    rows = standing(campaign).filter(turn_id__in=turn_ids).order_by("created_at")
    votes: dict[int, list[tuple[str, str]]] = {}
    for turn_id, name, choice in rows.values_list("turn_id", "annotator__username", "choice"):
        votes.setdefault(turn_id, []).append((name, choice))
    return votes


def adjudicate(campaign: Campaign, face_id: int, choice: str, *, by: User) -> Adjudication:
    """Say the last word on a face; the newest one stands, and earlier ones stay on record.

    raises  NotFound for a face the campaign does not ask about, Refused for another choice
    """
    allowed = [*campaign.values, UNSURE]
    if choice not in allowed:
        raise Refused("unknown_choice", f"The choice is {choice!r}; expected one of {allowed}.")
    asked = campaign.turns.asked()  # a mirrored face is a trial, not a question
    face = Face.objects.filter(id=face_id, turns__in=asked).first()
    if face is None:
        raise NotFound(f"Face {face_id} is not asked about in {campaign.slug!r}.")
    with transaction.atomic():
        word = Adjudication.objects.create(campaign=campaign, face=face, choice=choice, by=by)
        acts.record(by, "face.adjudicate", face.filename, campaign=campaign, choice=choice)
        tasks.ring_refresh(campaign.id)
    return word

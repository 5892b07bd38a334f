"""What a campaign has come to: progress for everybody, people for its managers."""

from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, F, Max, Q

from labeling.models import Campaign, Consensus, Turn, User, Vote
from labeling.votes import standing


def progress(campaign: Campaign) -> dict[str, Any]:
    """Counts of turns, votes and what is believed, overall and by choice."""
    turns = Turn.objects.filter(campaign=campaign).aggregate(
        faces=Count("id"),
        closed=Count("id", filter=Q(wanted=F("had"))),
        with_votes=Count("id", filter=Q(had__gt=0)),
    )
    believed = Consensus.objects.filter(campaign=campaign)
    by_choice = {
        row["choice"]: {"human": row["human"], "model": row["model"]}
        for row in believed.values("choice").annotate(
            human=Count("id", filter=Q(source=Consensus.Source.HUMAN)),
            model=Count("id", filter=Q(source=Consensus.Source.MODEL)),
        )
    }
    newest = campaign.classifiers.order_by("-version").first()
    return {
        **turns,
        "open": turns["faces"] - turns["closed"],
        "votes": standing(campaign).count(),
        "consensus": {
            value: by_choice.get(value, {"human": 0, "model": 0}) for value in campaign.values
        },
        "classifier": {"version": newest.version, **newest.card} if newest else None,
        # Certification needs audited faces; until a campaign has them, nothing is promised.
        "certified_coverage": None,
    }


def annotators(campaign: Campaign) -> list[dict[str, Any]]:
    """Each annotator's standing votes, by choice, and seconds per vote."""
    people = User.objects.filter(votes__turn__campaign=campaign).distinct().order_by("username")
    counts = standing(campaign).values("annotator_id", "choice").annotate(n=Count("id"))
    pace = (
        standing(campaign)
        .values("annotator_id")
        .annotate(seconds=Avg("seconds"), last=Max("created_at"))
    )
    pace_of = {row["annotator_id"]: row for row in pace}
    by_person: dict[int, dict[str, int]] = {}
    for row in counts:
        by_person.setdefault(row["annotator_id"], {})[row["choice"]] = row["n"]
    return [
        {
            "annotator": person.username,
            "origin": person.origin,
            "votes": sum(by_person.get(person.id, {}).values()),
            "by_choice": by_person.get(person.id, {}),
            "seconds_per_vote": pace_of.get(person.id, {}).get("seconds"),
            "last_vote": pace_of.get(person.id, {}).get("last"),
        }
        for person in people
    ]


def mine(
    campaign: Campaign, annotator: User, *, since: datetime | None = None, most: int = 20
) -> dict[str, Any]:
    """One annotator's own standing votes: the recent ones, how many (since then), how fast."""
    # With those on trials: a vote that did not count would tell which face was one.
    own = Vote.objects.filter(turn__campaign=campaign, annotator=annotator, withdrawal=None)
    own = own.exclude(choice=None)
    is_since = Q(created_at__gte=since) if since else Q()
    pace = own.aggregate(
        votes=Count("id"),
        votes_since=Count("id", filter=is_since),
        seconds_per_vote=Avg("seconds"),
    )
    recent: list[Vote] = list(own.select_related("turn__face").order_by("-created_at")[:most])
    return {
        **pace,
        "recent": [
            {
                "id": str(vote.id),
                "face": vote.turn.face_id,
                "filename": vote.turn.face.filename,
                "choice": vote.choice,
                "seconds": vote.seconds,
                "created": vote.created_at,
            }
            for vote in recent
        ],
        # The quiz before the first vote comes with the labeling loop; null = not taken.
        "quiz": None,
    }

"""What a campaign has come to: counts of turns, votes and beliefs; and one person's own part."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, F, Q, Sum, Value
from django.db.models.functions import Coalesce, Floor, Least, TruncHour

from labeling import quizzes
from labeling.disguises import Seeming, names_of, seeming
from labeling.models import Campaign, Consensus, Job, Turn, User, Vote
from labeling.votes import standing


def progress(campaign: Campaign, *, viewer: User | None = None) -> dict[str, Any]:
    """Counts of turns, votes and what is believed, overall and by choice.

    viewer an annotator, who must find their trials in the counts: see disguises.Seeming
    votes  standing ones on faces, as the turns count them: 200,000 rows instead of 600,000
    """
    is_audit = Q(kind=Turn.Kind.AUDIT)
    turns = (
        Turn.objects.filter(campaign=campaign)
        .asked()
        .aggregate(
            faces=Count("id"),
            closed=Count("id", filter=Q(wanted=F("had"))),
            with_votes=Count("id", filter=Q(had__gt=0)),
            votes=Coalesce(Sum("had"), 0),
            held=Coalesce(Sum("held"), 0),
            n_audits=Count("id", filter=is_audit),
            audits_closed=Count("id", filter=is_audit & Q(wanted=F("had"))),
            audit_votes=Coalesce(Sum("had", filter=is_audit), 0),
            audit_votes_wanted=Coalesce(Sum("wanted", filter=is_audit), 0),
        )
    )
    audits = {
        "faces": turns.pop("n_audits"),
        "closed": turns.pop("audits_closed"),
        "votes": turns.pop("audit_votes"),
        "votes_wanted": turns.pop("audit_votes_wanted"),
    }
    if viewer is not None:
        seems = seeming(viewer, [campaign.id]).get(campaign.id, Seeming())
        turns |= {name: turns[name] + more for name, more in asdict(seems).items()}
    newest = campaign.classifiers.order_by("-version").values("version", "card").first()
    return {
        **turns,
        "open": turns["faces"] - turns["closed"],
        "audits": audits,
        "consensus": believed(campaign),
        "classifier": {"version": newest["version"], **newest["card"]} if newest else None,
        "certified_coverage": _foretold(campaign),
    }


def _foretold(campaign: Campaign) -> dict[str, Any] | None:
    """What a release might certify, as the last refresh foretold it; None without audit faces."""
    done = campaign.refreshes.filter(status=Job.Status.DONE).order_by("-id")
    newest = done.values_list("figures__certified_coverage", flat=True).first()
    return newest or None


def believed(campaign: Campaign) -> dict[str, dict[str, int]]:
    """How many faces each choice is believed of, by people and by the model alone."""
    counts = {value: {"human": 0, "model": 0} for value in campaign.values}
    rows = Consensus.objects.filter(campaign=campaign).values("choice", "source")
    for row in rows.annotate(n=Count("id")):
        if row["choice"] in counts:
            counts[row["choice"]][row["source"]] = row["n"]
    return counts


def certainty(campaign: Campaign) -> list[dict[str, Any]]:
    """How sure we are of faces, in steps of five percent from a guess upward: {from, human, model}.

    The last step holds certainty itself.
    """
    step, least = 0.05, 1 / len(campaign.values)
    first = int(least / step)
    tallies = {i: {"from": i * step, "human": 0, "model": 0} for i in range(first, 20)}
    steps = Least(Floor(F("probability") / step), Value(19.0))
    rows = Consensus.objects.filter(campaign=campaign).annotate(step=steps)
    for row in rows.values("step", "source").annotate(n=Count("id")):
        tallies[min(max(int(row["step"]), first), 19)][row["source"]] += row["n"]
    return list(tallies.values())


def votes_by_hour(campaign: Campaign) -> list[tuple[datetime, dict[str, int]]]:
    """Standing votes of each hour that has some, by choice."""
    rows = (
        standing(campaign)
        .order_by()
        .values("choice", hour=TruncHour("created_at"))
        .annotate(n=Count("id"))
    )
    hours: dict[datetime, dict[str, int]] = {}
    for row in rows:
        hours.setdefault(row["hour"], {})[row["choice"]] = row["n"]
    return sorted(hours.items())


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
    shown_as = names_of(annotator, [vote.turn for vote in recent])
    return {
        **pace,
        "recent": [
            {
                "id": str(vote.id),
                "face": shown_as.get(vote.turn_id, vote.turn.face).id,
                "filename": shown_as.get(vote.turn_id, vote.turn.face).filename,
                "choice": vote.choice,
                "seconds": vote.seconds,
                "created": vote.created_at,
            }
            for vote in recent
        ],
        "quiz": quizzes.summary(campaign, annotator),
    }

"""[worker] Where a release's labels come from, fixed with them: agreement, annotators, rules.

All of it may move with the next vote or refresh, so it is read once, in the transaction that fixes
the labels, and kept with the release.
"""

from typing import Any

from django.db.models import Avg, Count, Max, Min, QuerySet

from labeling.answered import ON_A_LINE, describe, read_groups
from labeling.models import Campaign, Turn, Vote


def of_release(campaign: Campaign, votes: QuerySet[Vote]) -> dict[str, Any]:
    """What the datasheet tells of a campaign and of the votes behind a release."""
    answers = votes.exclude(channel=Vote.Channel.ACCEPTED)
    groups = read_groups(campaign, answers)
    agreement = describe(groups, by_order=campaign.values == ON_A_LINE)
    return {
        "n_faces": Turn.objects.asked().filter(campaign=campaign).count(),
        "agreement": {**agreement, "n_accepted": votes.count() - answers.count()},
        "annotators": annotators(campaign, votes),
        "asked": asked(votes),
        "rules": {
            "stop_rule": campaign.stop_rule,
            "votes_min": campaign.votes_min,
            "votes_max": campaign.votes_max,
            "shows_suggestions": campaign.shows_suggestions,
            "blind_share": campaign.blind_share,
            "audit_votes": campaign.audit_votes,
        },
    }


def annotators(campaign: Campaign, votes: QuerySet[Vote]) -> list[dict[str, Any]]:
    """Each annotator's votes, and the accuracy that the last refresh saw with its 95% interval."""
    n_votes = votes.order_by().values_list("annotator_id").annotate(n=Count("id"))
    skills = {skill.annotator_id: skill for skill in campaign.skills.all()}
    rows = []
    for person, n in n_votes.order_by("annotator_id"):
        skill = skills.get(person)
        accuracy = skill and {
            "value": skill.accuracy,
            "low": skill.accuracy_low,
            "high": skill.accuracy_high,
            "n_judged": skill.n_votes,
        }
        rows.append({"id": person, "n_votes": n, "accuracy": accuracy or None})
    return rows


def asked(votes: QuerySet[Vote]) -> list[dict[str, Any]]:
    """Why faces were asked about, and with what chance where a lot decided."""
    by_reason = votes.order_by().values("turn__kind", "reason")
    rows = by_reason.annotate(
        n_votes=Count("id"),
        n_chances=Count("propensity"),
        least=Min("propensity"),
        mean=Avg("propensity"),
        most=Max("propensity"),
    )
    return [
        {
            "kind": row["turn__kind"],
            "reason": row["reason"],
            "n_votes": row["n_votes"],
            "chance": row["n_chances"]
            and {name: round(row[name], 6) for name in ("least", "mean", "most")},
        }
        for row in rows.order_by("turn__kind", "reason")
    ]

"""Make a campaign as a manager asks for it, and change what may still change of one."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction

from labeling import acts, queue
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import UNSURE, Campaign, Dataset, User, Vote

MOST_CHOICES = 9
ARROWS = ["ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"]
# The label page undoes, mirrors, zooms and says "can't tell" with the letters that are missing.
KEYS = [*ARROWS, *(letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in "cmuxz")]

# What a policy's numbers may be; shares are parts of one.
RANGES: dict[str, tuple[float, float]] = {
    "votes_min": (1, 20),
    "votes_max": (1, 20),
    "lease_seconds": (30, 3600),
    "blind_share": (0.2, 1),
    "audit_share": (0, 1),
    "audit_votes": (1, 20),
    "mirror_share": (0, 0.2),
    "known_share": (0, 0.2),
    "catch_share": (0, 0.2),
    "quiz_pass_mark": (1, 10),
}
POLICY = [*RANGES, "stop_rule", "shows_suggestions", "quiz"]
CHANGEABLE = ["title", "prompt", "choices", "is_open", *POLICY]
# Votes wanted are written in as many turns at once, so that annotators find others meanwhile.
TURNS_AT_ONCE = 5000


def create(
    dataset: Dataset,
    slug: str,
    *,
    by: User | None,
    choices: Sequence[Any] | None = None,
    **rest: Any,
) -> Campaign:
    """A campaign about a dataset; without choices (and prompt) the built-in one about the light.

    rest    title, prompt and the policy: see CHANGEABLE
    raises  Refused with what is wrong, Conflict for a slug in use, NotFound for a hidden dataset
    """
    if dataset.mirrors_id is not None:
        raise NotFound(f"There is no dataset {dataset.name!r} to ask about.")
    if choices is not None:
        rest["choices"] = read_choices(choices)
    check_policy(rest, defaults=Campaign())
    with transaction.atomic():
        try:
            with transaction.atomic():
                campaign = queue.create_campaign(dataset, slug, **rest)
        except IntegrityError:
            # Another manager's campaign took the slug between our look and our write.
            raise Conflict(
                "campaign_exists", f"A campaign with the slug {slug!r} is already there."
            ) from None
        acts.record(by, "campaign.create", campaign.slug, campaign=campaign, dataset=dataset.name)
    return campaign


def change(campaign: Campaign, *, by: User | None, **changes: Any) -> Campaign:
    """Change some of CHANGEABLE; what stays the same is not recorded.

    raises  Refused for what is out of range, Conflict for other choices once there are votes
    """
    if unknown := sorted(set(changes) - set(CHANGEABLE)):
        raise Refused(
            "cannot_change", f"{unknown} can't change any more; only {sorted(CHANGEABLE)} can."
        )
    if "choices" in changes:
        changes["choices"] = read_choices(changes["choices"])
    with transaction.atomic():
        row = Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
        changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
        check_policy(changed, defaults=row)
        if "choices" in changed:
            _check_same_answers(row, changed["choices"])
        before = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        if changed:
            row.save(update_fields=list(changed))
        _record(row, by, before, changed)
    if "votes_min" in changed:
        want_votes(row)
    return row


def _record(
    campaign: Campaign, by: User | None, before: dict[str, Any], changed: dict[str, Any]
) -> None:
    if "is_open" in changed:
        deed = "campaign.reopen" if changed["is_open"] else "campaign.close"
        acts.record(by, deed, campaign.slug, campaign=campaign)
    if others := {name: value for name, value in changed.items() if name != "is_open"}:
        was = {name: before[name] for name in others}
        acts.record(by, "campaign.change", campaign.slug, campaign=campaign, was=was, now=others)


def check_policy(policy: dict[str, Any], *, defaults: Campaign) -> None:
    """Refuse numbers out of range and words that are no option; the rest is as in defaults."""
    for name, (least, most) in RANGES.items():
        value = policy.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused("invalid_policy", f"{name} is {value!r}; expected a number.")
        if not least <= value <= most:
            raise Refused("invalid_policy", f"{name} is {value}; expected {least} to {most}.")
    votes_min = policy.get("votes_min", defaults.votes_min)
    votes_max = policy.get("votes_max", defaults.votes_max)
    if votes_max < votes_min:
        raise Refused(
            "invalid_policy",
            f"votes_max is {votes_max}; expected at least the {votes_min} for each face.",
        )
    for name, options in (("stop_rule", Campaign.StopRule), ("quiz", Campaign.Quiz)):
        if name in policy and policy[name] not in options.values:
            raise Refused(
                "invalid_policy", f"{name} is {policy[name]!r}; expected one of {options.values}."
            )


def read_choices(choices: Sequence[Any]) -> list[dict[str, str]]:
    """Choices as they are stored; refused unless each can be shown, keyed and mirrored."""
    if not isinstance(choices, list | tuple) or not 2 <= len(choices) <= MOST_CHOICES:
        n = len(choices) if isinstance(choices, list | tuple) else repr(choices)
        raise Refused("invalid_choices", f"{n} choices came; expected 2 to {MOST_CHOICES}.")
    read = [_read_choice(choice) for choice in choices]
    labels = [choice["label"].casefold() for choice in read]
    if len(set(labels)) < len(labels):
        raise Refused(
            "invalid_choices", f"The labels are {labels}; expected a different one for each."
        )
    queue.check_choices(read)
    return read


def _read_choice(choice: Any) -> dict[str, str]:
    fields = ("value", "label", "key", "mirror")
    if not isinstance(choice, dict) or set(choice) != set(fields):
        raise Refused("invalid_choices", f"A choice is {choice!r}; expected {list(fields)}.")
    if not all(isinstance(choice[field], str) for field in fields):
        raise Refused("invalid_choices", f"A choice is {choice!r}; expected words only.")
    value, label, key = (choice[field].strip() for field in ("value", "label", "key"))
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value) or value == UNSURE:
        raise Refused(
            "invalid_choices",
            f"A choice's value is {value!r}; expected up to 40 small letters, digits, - or _, "
            f"and not {UNSURE!r}, which every campaign has.",
        )
    if not 1 <= len(label) <= 40 or not label.isprintable():
        raise Refused("invalid_choices", f"A label is {label!r}; expected 1 to 40 characters.")
    if key not in KEYS:
        raise Refused(
            "invalid_choices",
            f"The key of {value!r} is {key!r}; expected an arrow ({', '.join(ARROWS)}) or a small "
            "letter other than c, m, u, x and z, which do other things.",
        )
    return {"value": value, "label": label, "key": key, "mirror": choice["mirror"].strip()}


def has_votes(campaign: Campaign) -> bool:
    return Vote.objects.filter(turn__campaign=campaign).exists()


def _check_same_answers(campaign: Campaign, choices: list[dict[str, str]]) -> None:
    """Labels and keys may change at any time; what an answer means may not, once there is one."""

    def meanings(rows: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
        return [(row["value"], row["mirror"]) for row in rows]

    if meanings(choices) != meanings(campaign.choices) and has_votes(campaign):
        raise Conflict(
            "campaign_has_votes",
            f"The choices are {campaign.values} and there are votes; their labels and keys can "
            "still change, the choices themselves can't. Make another campaign instead.",
        )


def want_votes(campaign: Campaign) -> None:
    """Write the campaign's votes_min into the turns that it concerns; may run twice.

    More: every face wants them. Less: only faces without a vote, because others were asked again
    for a reason.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM labeling_turn
            WHERE campaign_id = %(campaign)s AND kind = 'ask'
              AND (wanted < %(wanted)s OR (wanted > %(wanted)s AND had = 0 AND held = 0))
            ORDER BY id
            """,
            {"campaign": campaign.id, "wanted": campaign.votes_min},
        )
        ids = [row[0] for row in cursor.fetchall()]
        for start in range(0, len(ids), TURNS_AT_ONCE):
            # Each statement is a transaction of its own. A turn that an annotator got meanwhile is
            # looked at again under its lock, and keeps what it wants if it is now being asked.
            cursor.execute(
                """
                UPDATE labeling_turn SET wanted = %(wanted)s, closing_rule = ''
                WHERE id = ANY(%(turns)s) AND kind = 'ask'
                  AND (wanted < %(wanted)s OR (had = 0 AND held = 0))
                """,
                {"turns": ids[start : start + TURNS_AT_ONCE], "wanted": campaign.votes_min},
            )


def draw_audits(campaign: Campaign, n_faces: int, *, by: User | None) -> int:
    """Draw audit faces by lot; returns how many were free to be drawn."""
    with transaction.atomic():
        drawn = queue.draw_audits(campaign, n_faces)
        acts.record(by, "audit.draw", campaign.slug, campaign=campaign, asked=n_faces, drawn=drawn)
    return drawn

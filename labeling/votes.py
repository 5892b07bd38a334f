"""Cast and withdraw votes: with outside, which stores files of them, the only writer of Vote.

A vote may come twice, late, or from two tabs at once; whatever happens, one annotator has one
standing vote per face, and no turn has more votes than it wants.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from labeling import leases, outside, stopping, tasks
from labeling.ballots import Ballot, Outcome, read_ballot
from labeling.disguises import may_return, named
from labeling.errors import NotFound, Refused
from labeling.models import Campaign, Lease, Turn, User, Vote


def cast(
    campaign: Campaign,
    annotator: User,
    rows: Sequence[Any],
    *,
    source: Vote.Source = Vote.Source.API,
) -> list[Outcome]:
    """Store a batch of answers; one outcome each, in order. A bad one never spoils the others."""
    read: list[Ballot | Outcome] = []
    for row in rows:
        try:
            read.append(read_ballot(row, campaign))
        except Refused as refused:
            given = str(row.get("id", "")) if isinstance(row, dict) else ""
            given = given.encode(errors="replace").decode()  # half a surrogate pair is no text
            read.append(Outcome(given, "rejected", refused.code, refused.detail))
    ballots = [ballot for ballot in read if isinstance(ballot, Ballot)]
    try:
        outcomes = _store(campaign, annotator, ballots, source)
    except IntegrityError:
        # Another annotator's vote with the same id came between our look and our write; now that
        # it is there, the same look sees it.
        outcomes = _store(campaign, annotator, ballots, source)
    if any(outcome.status == "stored" for outcome in outcomes):
        tasks.ring_refresh(campaign.id)
    answers = iter(outcomes)
    return [next(answers) if isinstance(entry, Ballot) else entry for entry in read]


def _store(
    campaign: Campaign, annotator: User, ballots: list[Ballot], source: Vote.Source
) -> list[Outcome]:
    with transaction.atomic():
        leases.one_at_a_time(campaign, annotator)
        desk = _Desk(campaign, annotator, ballots)
        outcomes = [desk.decide(ballot, source) for ballot in ballots]
        desk.write()
    return outcomes


class _Desk:
    """One batch of one annotator, with every row it touches locked."""

    def __init__(self, campaign: Campaign, annotator: User, ballots: list[Ballot]) -> None:
        self.campaign, self.annotator = campaign, annotator
        self.named = named(campaign, annotator, {b.face_id for b in ballots})
        turn_ids = [meant for meant, *_ in self.named.values()]
        # Ordered: two batches that share turns lock them in the same order and cannot deadlock.
        locked = Turn.objects.filter(id__in=turn_ids).order_by("id").select_for_update()
        turns = {turn.id: turn for turn in locked}
        # By the ids that this person knows the faces by.
        self.turns = {face: turns[meant] for face, (meant, *_) in self.named.items()}
        known = Vote.objects.filter(id__in={b.id for b in ballots}).select_related("turn")
        self.known = {vote.id: vote for vote in known}
        self.revisions: dict[int, int] = {}
        mine = Vote.objects.filter(turn_id__in=turn_ids, annotator=annotator)
        for turn_id, revision in mine.order_by("revision").values_list("turn_id", "revision"):
            self.revisions[turn_id] = revision
        held = Lease.objects.filter(turn_id__in=turn_ids, annotator=annotator)
        self.leased = {lease.turn_id: lease for lease in held}
        self.new: list[Vote] = []
        self.ended: list[int] = []

    def decide(self, ballot: Ballot, source: Vote.Source) -> Outcome:
        """What becomes of one answer; the rows are changed in memory only."""
        if earlier := self.known.get(ballot.id):
            return self._again(ballot, earlier)
        turn = self.turns.get(ballot.face_id)
        if turn is None:
            return self._no(
                ballot, "unknown_face", f"Face {ballot.face_id} is not asked about here."
            )
        # Even revisions vote, odd ones withdraw: see Vote.
        revision = self.revisions.get(turn.id, -1) + 1
        if revision % 2:
            return self._no(
                ballot, "already_voted", f"You have a vote for face {ballot.face_id} already."
            )
        lease = self.leased.pop(turn.id, None)
        if lease is not None:
            turn.held -= 1
            self.ended.append(turn.id)
        elif turn.had >= turn.wanted:
            return self._no(
                ballot,
                "turn_closed",
                f"Face {ballot.face_id} has all {turn.wanted} votes it wants.",
            )
        elif turn.had + turn.held >= turn.wanted:
            return self._no(
                ballot,
                "lease_expired",
                f"Your lease on face {ballot.face_id} ended, and somebody else has it now.",
            )
        turn.had += 1
        vote = Vote(
            id=ballot.id,
            turn=turn,
            annotator=self.annotator,
            revision=revision,
            choice=ballot.choice,
            seconds=ballot.seconds,
            suggestion_shown=ballot.suggestion_shown,
            source=source,
            reason=turn.reason,
            propensity=turn.propensity,
            **_as_given(lease, ballot, turn, self.campaign),
        )
        self.known[vote.id] = vote
        self.revisions[turn.id] = revision
        self.new.append(vote)
        return Outcome(str(ballot.id), "stored")

    def _again(self, ballot: Ballot, earlier: Vote) -> Outcome:
        same = (self.annotator.id, ballot.choice)
        if (earlier.annotator_id, earlier.choice) == same and (
            earlier.turn_id in self.named.get(ballot.face_id, [])
        ):
            return Outcome(str(ballot.id), "duplicate")
        return self._no(ballot, "id_reused", f"The id {ballot.id} names another vote already.")

    def _no(self, ballot: Ballot, code: str, detail: str) -> Outcome:
        return Outcome(str(ballot.id), "rejected", code, detail)

    def write(self) -> None:
        if not self.new:
            return
        Vote.objects.bulk_create(self.new)
        changed = {vote.turn_id: vote.turn for vote in self.new}
        self.close(list(changed.values()))
        rows = [(t.id, t.wanted, t.had, t.held, t.closing_rule) for t in changed.values()]
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM labeling_lease WHERE turn_id = ANY(%s) AND annotator_id = %s",
                [self.ended, self.annotator.id],
            )
            cursor.execute(
                """
                UPDATE labeling_turn turn SET wanted = new.wanted, had = new.had, held = new.held,
                       closing_rule = new.rule
                FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::text[])
                    AS new (id, wanted, had, held, rule)
                WHERE turn.id = new.id
                """,
                [list(column) for column in zip(*rows, strict=True)],
            )

    def close(self, turns: list[Turn]) -> None:
        """Stamp the turns that have what they want, or want one more by the campaign's rule."""
        rule = self.campaign.stop_rule
        full = [turn for turn in turns if turn.had >= turn.wanted]
        asked = [turn for turn in full if turn.kind == Turn.Kind.ASK]
        for turn in turns:
            turn.closing_rule = ""
        for turn in full:
            turn.closing_rule = _RULE_OF_KIND.get(turn.kind, rule)
        if rule != Campaign.StopRule.AGREEMENT or not asked:
            return
        counts: dict[int, Counter[str]] = {turn.id: Counter() for turn in asked}
        votes = standing(self.campaign).filter(turn__in=asked).values_list("turn_id", "choice")
        for turn_id, choice in votes:
            counts[turn_id][choice] += 1
        for turn in asked:
            if stopping.wants_another(rule, counts[turn.id], self.campaign.votes_max):
                turn.wanted, turn.closing_rule = turn.wanted + 1, ""


_RULE_OF_KIND = {Turn.Kind.AUDIT: stopping.AUDIT_RULE, Turn.Kind.MIRROR: stopping.TRIAL_RULE}


def _as_given(
    lease: Lease | None, ballot: Ballot, turn: Turn, campaign: Campaign
) -> dict[str, Any]:
    """What a vote keeps of the way its face was given."""
    if lease is None:
        # Its lease ended, and with it what was known. Where single faces come without a
        # suggestion, one that was shown tells of the grid: such an answer leans on the model.
        if not ballot.suggestion_shown or campaign.shows_suggestions:
            return {}
        accepts = ballot.choice == turn.suggested
        channel = Vote.Channel.ACCEPTED if accepts else Vote.Channel.CORRECTED
        return {"suggested": turn.suggested, "channel": channel}
    kept = {
        "suggested": lease.suggested,
        "is_blind": lease.is_blind,
        "is_catch": lease.is_catch,
    }
    if lease.is_grid:
        accepts = ballot.choice == lease.suggested
        kept["channel"] = Vote.Channel.ACCEPTED if accepts else Vote.Channel.CORRECTED
    return kept


def withdraw(campaign: Campaign, annotator: User, vote_id: uuid.UUID) -> Vote:
    """Take one's own vote back; its face returns to this annotator. Twice is once.

    A trial does not return once the face came whose name it had.

    raises  NotFound for a vote that isn't there or isn't theirs
    """
    with transaction.atomic():
        leases.one_at_a_time(campaign, annotator)
        mine = Vote.objects.filter(id=vote_id, annotator=annotator, turn__campaign=campaign)
        vote = mine.exclude(choice=None).select_related("turn__face").first()
        if vote is None:
            raise NotFound(f"You have no vote {vote_id} in {campaign.slug!r}.")
        if Vote.objects.filter(withdraws=vote).exists():
            return vote
        turn = Turn.objects.select_for_update().get(id=vote.turn_id)
        Vote.objects.create(
            turn=turn,
            annotator=annotator,
            revision=vote.revision + 1,
            withdraws=vote,
            source=vote.source,
        )
        returns = may_return(turn, annotator)
        turn.had, turn.held, turn.closing_rule = turn.had - 1, turn.held + returns, ""
        turn.save(update_fields=["had", "held", "closing_rule"])
        if not returns:
            return vote
        until = timezone.now() + timedelta(seconds=campaign.lease_seconds)
        Lease.objects.create(
            turn=turn,
            annotator=annotator,
            expires_at=until,
            is_grid=vote.channel != Vote.Channel.ANSWER,
            suggested=vote.suggested,
            is_blind=vote.is_blind,
            is_catch=vote.is_catch,
        )
    tasks.ring_refresh(campaign.id)
    return vote


def cast_outside(
    campaign: Campaign, rows: Iterable[tuple[str, str, str]], *, source: Vote.Source
) -> Mapping[str, int]:
    """Store votes that were cast elsewhere, and ask for a refresh; see outside.store_votes.

    returns  counts: stored, duplicate (this file's vote was here before)
    """
    done = outside.store_votes(campaign, rows, source=source)
    tasks.ring_refresh(campaign.id)
    return asdict(done)


def standing(campaign: Campaign) -> Any:
    """The votes of a campaign that nobody has taken back and that say something of a face.

    Trials of annotators say something of annotators: see answers.
    """
    return answers(campaign).exclude(turn__kind=Turn.Kind.MIRROR).exclude(is_catch=True)


def answers(campaign: Campaign) -> Any:
    """All votes of a campaign that nobody has taken back, trials included, as a queryset."""
    votes = Vote.objects.filter(turn__campaign=campaign, choice__isnull=False)
    # NOT EXISTS: of a join whose other side is missing, the planner expects one row and then
    # loops through hundreds of thousands.
    taken_back = Vote.objects.filter(withdraws=OuterRef("pk"))
    return votes.filter(~Exists(taken_back)).annotate(face_id=F("turn__face_id"))

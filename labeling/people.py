"""How people come in and what managers may change about them, each deed with its act.

Sign-up is closed: an account begins with an invite's link. Superusers and staff are changed on the
server's command line only; stand-ins for votes from elsewhere are nobody who could enter.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from axes.utils import reset as forget_failures
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from knox.models import AuthToken

from labeling import leases
from labeling.acts import record
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Invite, User
from labeling.roles import ROLES

MOST_USES = 200
MOST_DAYS = 90
RESET_DAYS = 2


def role_fields(roles: Collection[str]) -> dict[str, bool]:
    """The roles as fields of a user or an invite."""
    if unknown := sorted(set(roles) - set(ROLES)):
        raise Refused("unknown_role", f"The roles {unknown} came; expected some of {list(ROLES)}.")
    return {f"is_{role}": role in roles for role in ROLES}


def roles_of(row: User | Invite) -> list[str]:
    return [role for role in ROLES if getattr(row, f"is_{role}")]


def invite(
    by: User, roles: Collection[str], *, most_uses: int = 1, days: int = 7, note: str = ""
) -> tuple[Invite, str]:
    """A link for new people, and its token, which is kept nowhere."""
    if not roles:
        raise Refused("no_role", f"An invite gives at least one role of {list(ROLES)}.")
    for what, number, most in (("uses", most_uses, MOST_USES), ("days", days, MOST_DAYS)):
        if not 1 <= number <= most:
            raise Refused("invalid", f"{number} {what} came; expected 1 to {most}.")
    with transaction.atomic():
        made, token = _new_invite(
            by, days=days, most_uses=most_uses, note=note, **role_fields(roles)
        )
        details = {"roles": roles_of(made), "for_how_many": most_uses, "days": days}
        record(by, "person.invite", note or f"invite {made.id}", invite=made.id, **details)
    return made, token


def _new_invite(by: User, *, days: int, **fields: object) -> tuple[Invite, str]:
    token = secrets.token_urlsafe(24)
    until = timezone.now() + timedelta(days=days)
    made = Invite.objects.create(
        token_hash=digest(token), created_by=by, expires_at=until, **fields
    )
    return made, token


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def revoke(by: User, invite_id: int) -> Invite:
    """Make an invite's link useless; who came in by it stays. Twice is once."""
    with transaction.atomic():
        found = Invite.objects.filter(id=invite_id).select_related("resets").first()
        if found is None:
            raise NotFound(f"There is no invite {invite_id}.")
        if Invite.objects.filter(id=invite_id, revoked_at=None).update(revoked_at=timezone.now()):
            about = found.resets.username if found.resets else found.note or f"invite {found.id}"
            record(by, "person.revoke", about, invite=found.id, uses=found.uses)
    return found


def open_invites() -> list[Invite]:
    """Those that still let somebody in, the newest first."""
    rows = Invite.objects.filter(revoked_at=None, expires_at__gt=timezone.now(), resets=None)
    return list(rows.filter(uses__lt=F("most_uses")).select_related("created_by").order_by("-id"))


def invite_for(token: str) -> Invite:
    """The invite that a link names, if it can still be used; else Refused, saying why not."""
    found = Invite.objects.filter(token_hash=digest(token)).select_related("resets").first()
    if found is None:
        raise NotFound("This link leads nowhere. Perhaps a part of it was lost on the way.")
    if found.revoked_at is not None:
        raise Refused("revoked", "This link was taken back.", status=410)
    if found.uses >= found.most_uses:
        raise Refused("used_up", "This link has been used as often as it may be.", status=410)
    if found.expires_at <= timezone.now():
        raise Refused("expired", "This link has run out.", status=410)
    return found


def join(token: str, *, username: str, password: str) -> User:
    """A new person by an invite's link; name and password come checked for form.

    raises  Refused for a link of no use, Conflict where the name is taken
    """
    found = invite_for(token)
    if found.resets is not None:
        raise Refused("no_invite", "This link is for a new password.")
    if User.objects.filter(username__iexact=username).exists():
        raise _taken(username)
    hashed = make_password(password)  # takes its time: before any row is locked
    try:
        with transaction.atomic():
            _use(found)
            roles = role_fields(roles_of(found))
            person = User.objects.create(username=username, password=hashed, invite=found, **roles)
            record(person, "person.join", username, roles=roles_of(found), invite=found.id)
    except IntegrityError:
        # Somebody took the name between our look and our write; the use is given back with it.
        raise _taken(username) from None
    return person


def _taken(username: str) -> Conflict:
    return Conflict("name_taken", f"The name {username} is taken. Please choose another.")


def _use(found: Invite) -> None:
    """Count one use; of two people at the last one, one is too late and told so."""
    usable = Invite.objects.filter(
        id=found.id, revoked_at=None, expires_at__gt=timezone.now(), uses__lt=F("most_uses")
    )
    if not usable.update(uses=F("uses") + 1):
        raise Refused("used_up", "This link has been used as often as it may be.", status=410)


def reset_password(by: User, person_id: int) -> tuple[Invite, str]:
    """A link by which this person chooses a new password; earlier ones of theirs end."""
    with transaction.atomic():
        person = _locked(person_id)
        person.resets.filter(revoked_at=None).update(revoked_at=timezone.now())
        made, token = _new_invite(by, days=RESET_DAYS, resets=person)
        record(by, "person.reset", person.username, days=RESET_DAYS)
    return made, token


def choose_password(token: str, password: str) -> User:
    """The person whose link this is, with a new password, signed out everywhere, lockout ended."""
    found = invite_for(token)
    if found.resets is None:
        raise Refused("no_reset", "This link is for new people.")
    hashed = make_password(password)
    with transaction.atomic():
        person = _locked(found.resets_id)
        _use(found)
        person.password = hashed
        person.save(update_fields=["password"])
        end_sessions(person)
        forget_failures(username=person.username)
        record(person, "person.password", person.username)
    return person


def set_roles(by: User, person_id: int, roles: Collection[str]) -> User:
    """Give a person exactly these roles; the last manager stays one."""
    fields = role_fields(roles)
    with transaction.atomic():
        managers = _managers()
        person = _locked(person_id)
        before = roles_of(person)
        if before == [role for role in ROLES if role in roles]:
            return person
        if not fields["is_manager"]:
            _check_not_last(person, managers)
        for field, value in fields.items():
            setattr(person, field, value)
        person.save(update_fields=list(fields))
        if not person.is_annotator:
            leases.release_all(person)
        record(by, "person.roles", person.username, before=before, after=roles_of(person))
    return person


def suspend(by: User, person_id: int) -> User:
    """Shut a person out at once: sessions, tokens and leases end, votes stay. Twice is once."""
    if by.id == person_id:
        raise Refused("yourself", "You can't suspend yourself; another manager can.")
    with transaction.atomic():
        managers = _managers()
        person = _locked(person_id)
        if not person.is_active:
            return person
        _check_not_last(person, managers)
        person.is_active = False
        person.save(update_fields=["is_active"])
        end_sessions(person)
        leases.release_all(person)
        record(by, "person.suspend", person.username)
    return person


def reactivate(by: User, person_id: int) -> User:
    """Let a suspended person in again, with their old password. Twice is once."""
    with transaction.atomic():
        person = _locked(person_id)
        if person.is_active:
            return person
        # A sign-in that was under way when they were suspended may have left one behind.
        end_sessions(person)
        person.is_active = True
        person.save(update_fields=["is_active"])
        record(by, "person.reactivate", person.username)
    return person


def end_sessions(person: User) -> None:
    """Sign a person out everywhere: browsers and programs."""
    AuthToken.objects.filter(user=person).delete()
    # A session's owner is inside its data, so all that live are looked at; it is a rare deed.
    live = Session.objects.filter(expire_date__gte=timezone.now())
    theirs = [
        session.session_key
        for session in live.iterator()
        if session.get_decoded().get("_auth_user_id") == str(person.id)
    ]
    Session.objects.filter(session_key__in=theirs).delete()


def may_be_changed(person: User) -> bool:
    """Whether managers may change this account at all."""
    is_owner = person.is_superuser or person.is_staff
    return person.origin == User.Origin.PERSON and not is_owner


def _locked(person_id: int) -> User:
    """The person, locked, if managers may change them.

    no_key: a vote that is being stored points at its annotator's row and must not wait for us.
    """
    person = User.objects.select_for_update(no_key=True).filter(id=person_id).first()
    if person is None:
        raise NotFound(f"There is no person {person_id}.")
    if not may_be_changed(person):
        raise Refused(
            "not_yours_to_change",
            f"{person.username} is changed on the server's command line only.",
            status=403,
        )
    return person


def _managers() -> set[int]:
    """Who manages now, all locked, so that no two resign side by side.

    Always before another person's row is locked: of two deeds one then waits, and sees the other.
    """
    managers = User.objects.filter(is_manager=True, is_active=True).order_by("id")
    return set(managers.select_for_update(no_key=True).values_list("id", flat=True))


def _check_not_last(person: User, managers: set[int]) -> None:
    if managers == {person.id}:
        raise Refused(
            "last_manager", f"{person.username} is the last manager; make another one first."
        )

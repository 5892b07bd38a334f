"""Where managers look after people."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from labeling import acts, people
from labeling.bodies import read_query
from labeling.errors import Refused
from labeling.models import Act, Invite, User, Vote
from labeling.roles import ROLES, page_for

PEOPLE_PER_PAGE = 100
ACTS_SHOWN = 10
ROLE_TEXTS = {
    "annotator": "Annotator: votes on faces",
    "manager": "Manager: campaigns, people, releases",
    "researcher": "Researcher: filters and edits faces",
}


class InviteForm(forms.Form):
    """An invite for one person or a whole class."""

    roles = forms.MultipleChoiceField(
        choices=list(ROLE_TEXTS.items()), initial=["annotator"], label="They come in as"
    )
    note = forms.CharField(max_length=120, required=False, label="For whom")
    most_uses = forms.IntegerField(
        min_value=1, max_value=people.MOST_USES, initial=1, label="How many may use it"
    )
    days = forms.IntegerField(
        min_value=1, max_value=people.MOST_DAYS, initial=7, label="Valid for days"
    )

    def clean_note(self) -> str:
        return self.cleaned_data["note"].strip()


@never_cache
@page_for("manager")
def people_page(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, the open invites, and a form for the next one."""
    form, made, link = InviteForm(request.POST or None), None, ""
    if form.is_valid():
        made, token = people.invite(request.user, **form.cleaned_data)
        # Shown in this very answer and kept nowhere: only its hash is in the database.
        link = request.build_absolute_uri(reverse("join", args=[token]))
        form = InviteForm()
    problem, query, found, following = "", {}, [], ""
    try:
        query = read_query(request.GET, "q", "role", "origin", "after")
        found, following = find(query)
    except Refused as refused:
        problem = refused.detail
    return render(
        request,
        "people/list.html",
        {
            "form": form,
            "made": made,
            "link": link,
            "problem": problem,
            "query": query,
            "role": query.get("role", ""),
            "origin": query.get("origin", User.Origin.PERSON),
            "roles": ROLES,
            "origins": [*User.Origin.values, "all"],
            "rows": with_tallies(found),
            "next": following,
            "invites": [(row, people.roles_of(row)) for row in people.open_invites()],
        },
        status=400 if problem or form.is_bound else 200,
    )


def find(query: dict[str, str]) -> tuple[list[User], str]:
    """People by name, a page of them, and the name after which the next page begins.

    raises  Refused for a role or an origin that isn't one
    """
    role, origin = query.get("role", ""), query.get("origin", "") or User.Origin.PERSON
    text, after = query.get("q", "").strip(), query.get("after", "")
    if role not in ("", "none", *ROLES):
        raise Refused("invalid_query", f"role is {role!r}; expected one of {['none', *ROLES]}.")
    if origin not in ("all", *User.Origin.values):
        expected = ["all", *User.Origin.values]
        raise Refused("invalid_query", f"origin is {origin!r}; expected one of {expected}.")
    if "\0" in text + after:
        raise Refused("invalid_query", "No name holds the character NUL.")
    rows = User.objects.order_by("username")
    if role == "none":
        rows = rows.filter(is_superuser=False, **people.role_fields([]))
    elif role:
        rows = rows.filter(**{f"is_{role}": True})
    if origin != "all":
        rows = rows.filter(origin=origin)
    if text:
        rows = rows.filter(
            Q(username__icontains=text)
            | Q(first_name__icontains=text)
            | Q(last_name__icontains=text)
            | Q(invite__note__icontains=text)
        )
    found = list(rows.filter(username__gt=after)[: PEOPLE_PER_PAGE + 1])
    is_more = len(found) > PEOPLE_PER_PAGE
    return found[:PEOPLE_PER_PAGE], found[PEOPLE_PER_PAGE - 1].username if is_more else ""


def with_tallies(found: list[User]) -> list[dict[str, Any]]:
    """People with their roles, standing votes and when they were last seen, in one query more."""
    # A withdrawal is a row too, and takes one vote back: no join is needed to leave those out.
    tallies = Vote.objects.filter(annotator__in=found).values("annotator_id")
    tallies = tallies.annotate(
        cast=Count("id", filter=Q(choice__isnull=False)),
        taken_back=Count("id", filter=Q(choice__isnull=True)),
        last=Max("created_at"),
    )
    tally_of = {row["annotator_id"]: row for row in tallies}
    rows = []
    for person in found:
        tally = tally_of.get(person.id, {"cast": 0, "taken_back": 0, "last": None})
        rows.append(
            {
                "person": person,
                "roles": people.roles_of(person),
                "votes": tally["cast"] - tally["taken_back"],
                "seen": max(filter(None, (person.last_login, tally["last"])), default=None),
            }
        )
    return rows


@never_cache
@page_for("manager")
def person_page(request: HttpRequest, person_id: int) -> HttpResponse:
    """One person: roles, password, suspension, and what was done about them."""
    return show_person(request, person_id)


def show_person(request: HttpRequest, person_id: int, *, link: str = "") -> HttpResponse:
    person = get_object_or_404(User.objects.select_related("invite__created_by"), id=person_id)
    about_them = Q(about=person.username, what__startswith="person.")
    rows = Act.objects.filter(Q(by=person) | about_them).select_related("by", "campaign")
    return render(
        request,
        "people/person.html",
        {
            **with_tallies([person])[0],
            "may_be_changed": people.may_be_changed(person),
            "is_oneself": person.id == request.user.id,
            "role_texts": ROLE_TEXTS,
            "link": link,
            "link_days": people.RESET_DAYS,
            "reset_is_open": person.resets.filter(
                revoked_at=None, uses=0, expires_at__gt=timezone.now()
            ).exists(),
            "rows": [
                {
                    "act": act,
                    "did": acts.in_words(act.what),
                    "details": acts.details_in_words(act.details),
                }
                for act in rows.order_by("-id")[:ACTS_SHOWN]
            ],
        },
    )


@require_POST
@page_for("manager")
def set_roles(request: HttpRequest, person_id: int) -> HttpResponse:
    try:
        person = people.set_roles(request.user, person_id, request.POST.getlist("roles"))
    except Refused as refused:
        messages.error(request, refused.detail)
    else:
        held = ", ".join(people.roles_of(person)) or "no role"
        messages.success(request, f"{person.username} now has: {held}.")
        if person == request.user and not person.is_manager:
            return redirect("home")
    return redirect("person", person_id)


@require_POST
@page_for("manager")
def suspend(request: HttpRequest, person_id: int) -> HttpResponse:
    return _do(request, person_id, people.suspend, "is suspended and signed out everywhere")


@require_POST
@page_for("manager")
def reactivate(request: HttpRequest, person_id: int) -> HttpResponse:
    return _do(request, person_id, people.reactivate, "may sign in again")


def _do(request: HttpRequest, person_id: int, deed: Any, done: str) -> HttpResponse:
    try:
        person = deed(request.user, person_id)
        messages.success(request, f"{person.username} {done}.")
    except Refused as refused:
        messages.error(request, refused.detail)
    return redirect("person", person_id)


@never_cache
@require_POST
@page_for("manager")
def reset_password(request: HttpRequest, person_id: int) -> HttpResponse:
    """Answers with the link itself: it is kept nowhere, so no later page could show it."""
    try:
        _, token = people.reset_password(request.user, person_id)
    except Refused as refused:
        messages.error(request, refused.detail)
        return redirect("person", person_id)
    link = request.build_absolute_uri(reverse("join", args=[token]))
    return show_person(request, person_id, link=link)


@require_POST
@page_for("manager")
def revoke(request: HttpRequest, invite_id: int) -> HttpResponse:
    try:
        found: Invite = people.revoke(request.user, invite_id)
    except Refused as refused:
        messages.error(request, refused.detail)
    else:
        name = f"for {found.note}" if found.note else f"{found.id}"
        messages.success(request, f"The invite {name} lets nobody in any more.")
    return redirect("people")

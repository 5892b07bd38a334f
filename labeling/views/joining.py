"""The page behind a link: come in with a name and a password, or choose a new password."""

from typing import Any

from django import forms
from django.contrib.auth import login
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from labeling import people
from labeling.errors import Refused
from labeling.models import Invite, User

BACKEND = "django.contrib.auth.backends.ModelBackend"


class PasswordForm(forms.Form):
    """A password, twice."""

    password = forms.CharField(max_length=1000, strip=False, widget=forms.PasswordInput)
    again = forms.CharField(max_length=1000, strip=False, widget=forms.PasswordInput)

    def clean(self) -> dict[str, Any]:
        given, again = self.cleaned_data.get("password"), self.cleaned_data.get("again")
        if given and again and given != again:
            self.add_error("again", "The two passwords differ.")
        elif given:
            try:
                validate_password(given, User(username=self.cleaned_data.get("username", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return self.cleaned_data


class JoinForm(PasswordForm):
    """A name for oneself, and a password."""

    username = forms.CharField(
        max_length=60,
        validators=[
            UnicodeUsernameValidator(message="Letters, digits and @ . + - _ only, please.")
        ],
    )
    field_order = ["username", "password", "again"]


@sensitive_post_parameters("password", "again")
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What a link leads to: a form, or why there is none."""
    try:
        found = people.invite_for(token)
    except Refused as refused:
        return _of_no_use(request, refused)
    if request.user.is_authenticated and found.resets is None:
        return render(request, "people/join.html", {"is_signed_in": True})
    form_class = PasswordForm if found.resets else JoinForm
    form = form_class(request.POST or None)
    if form.is_valid():
        try:
            return _let_in(request, token, found, form.cleaned_data)
        except Refused as refused:
            if refused.code != "name_taken":
                return _of_no_use(request, refused)
            form.add_error("username", refused.detail)
    return render(
        request,
        "people/join.html",
        {
            "form": form,
            "invite": found,
            "roles": people.roles_of(found),
            "rules": password_validators_help_texts(),
        },
        status=400 if form.is_bound else 200,
    )


def _let_in(request: HttpRequest, token: str, found: Invite, given: dict[str, str]) -> HttpResponse:
    if found.resets:
        person = people.choose_password(token, given["password"])
    else:
        person = people.join(token, username=given["username"], password=given["password"])
    if not person.is_active:
        return redirect("login")
    login(request, person, backend=BACKEND)
    return redirect("home")


def _of_no_use(request: HttpRequest, refused: Refused) -> HttpResponse:
    return render(request, "people/no_use.html", {"why": refused.detail}, status=refused.status)

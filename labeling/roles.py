"""Who may do what: annotators vote, managers run campaigns, researchers edit faces."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.errors import NotFound
from labeling.models import Campaign, User

ROLES = ("annotator", "manager", "researcher")


def has_role(user: User, *roles: str) -> bool:
    """Whether this person holds one of the roles; a superuser holds all."""
    return user.is_superuser or any(getattr(user, f"is_{role}", False) for role in roles)


def needs(*roles: str) -> type[BasePermission]:
    """A DRF permission for people who hold one of the roles."""
    unknown = set(roles) - set(ROLES)
    if unknown:
        raise ValueError(f"roles {sorted(unknown)} are unknown; expected some of {ROLES}")

    class HasRole(BasePermission):
        message = f"This needs the role {' or '.join(roles)}."

        def has_permission(self, request: Request, view: APIView) -> bool:
            return bool(request.user.is_authenticated) and has_role(request.user, *roles)

    return HasRole


def page_for(*roles: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A page for people who hold one of the roles; others are asked to log in or told no."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not has_role(request.user, *roles):
                raise PermissionDenied(f"This page needs the role {' or '.join(roles)}.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def campaign_for(user: User, slug: str) -> Campaign:
    """The campaign if this person may see it: annotators see open ones, others all."""
    seen = Campaign.objects.select_related("dataset")
    if not has_role(user, "manager", "researcher"):
        seen = seen.filter(is_open=True)
    campaign = seen.filter(slug=slug).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {slug!r} for you.")
    return campaign

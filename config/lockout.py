"""Too many wrong passwords: what a locked-out browser or program is told, and whom we count."""

from datetime import timedelta
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone


def address_of(request: HttpRequest) -> str:
    """The client's address: the connection's own, or as the outermost trusted proxy saw it.

    Whatever a client writes into X-Forwarded-For itself stands to the left of that.
    """
    direct = request.META.get("REMOTE_ADDR") or ""
    proxies = settings.TRUSTED_PROXIES
    said = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    if not proxies or not all(said):
        return direct or "127.0.0.1"  # gunicorn on a unix socket knows no address
    return said[-min(proxies, len(said))]


def answer(
    request: HttpRequest, original: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """429 with how long to wait: JSON for the API, a page for people."""
    left = _time_left(request, credentials)
    minutes = max(1, ceil(left.total_seconds() / 60))
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    if request.path.startswith("/api/"):
        detail = f"Too many wrong passwords for this name; try again in {wait}."
        locked: HttpResponse = JsonResponse({"code": "locked_out", "detail": detail}, status=429)
    else:
        locked = render(request, "locked_out.html", {"wait": wait}, status=429)
    locked["Retry-After"] = str(max(1, ceil(left.total_seconds())))
    locked["Cache-Control"] = "no-store"
    return locked


def _time_left(request: HttpRequest, credentials: dict[str, Any] | None) -> timedelta:
    """Until the wrong passwords that count have all grown old enough."""
    cool_off = get_cool_off(request) or timedelta()
    implementation = AxesProxyHandler.get_implementation()
    times = [
        time
        for attempts in implementation.get_user_attempts(request, credentials)
        for time in attempts.values_list("attempt_time", flat=True)
    ]
    return max(times) + cool_off - timezone.now() if times else cool_off

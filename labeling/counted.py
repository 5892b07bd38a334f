"""Counts that may be some seconds old: shown at once, counted by one request at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from labeling.models import Campaign

KEPT_SECONDS = 3600
# What takes a second to count may be so many seconds old, and what takes no time never is.
SECONDS_PER_SECOND, NO_TIME = 20, 0.2


@dataclass(frozen=True)
class Counted:
    """A count, when it was made, and how long it took."""

    value: Any
    as_of: datetime
    seconds: float


def counted(
    campaign: Campaign, name: str, seconds: float, count: Callable[[Campaign], Any]
) -> Counted:
    """What `count(campaign)` gives, at most about `seconds` old, and newer where that is cheap.

    While one request counts again, the others get the earlier count.
    """
    key, known = _key(campaign, name), at_hand(campaign, name)
    if known is not None:
        age = (timezone.now() - known.as_of).total_seconds()
        # Whoever adds the key counts; if it dies, the next one may after as long as a count lasts.
        patience = min(seconds, lasting(known.seconds))
        if age < patience or not cache.add(f"{key}-counting", True, max(seconds, 5)):
            return known
    began = time.monotonic()
    try:
        value = count(campaign)
        fresh = Counted(value, timezone.now(), time.monotonic() - began)
        cache.set(key, fresh, KEPT_SECONDS)
    finally:
        cache.delete(f"{key}-counting")
    return fresh


def lasting(seconds: float) -> float:
    """How long a count that took so many seconds may be shown."""
    return SECONDS_PER_SECOND * seconds if seconds > NO_TIME else 0.0


def at_hand(campaign: Campaign, name: str) -> Counted | None:
    """An earlier count, however old, without counting anything."""
    return cache.get(_key(campaign, name))


def _key(campaign: Campaign, name: str) -> str:
    return f"counted-{name}-{campaign.id}-{campaign.created_at.timestamp()}"

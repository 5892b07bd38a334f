"""Where a campaign's mean faces lie once the worker has drawn them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from labeling.models import Campaign


@dataclass(frozen=True)
class Drawn:
    """Mean faces with their figures, and when they were drawn."""

    picture: Path
    figures: dict[str, Any]
    at: datetime


def files_of(campaign: Campaign) -> tuple[Path, Path]:
    """The picture and its figures."""
    folder = settings.VAR_DIR / "mean_faces"
    return folder / f"{campaign.id}.png", folder / f"{campaign.id}.json"


def drawn(campaign: Campaign) -> Drawn | None:
    """The newest mean faces; None before the first."""
    picture, figures = files_of(campaign)
    try:
        found = json.loads(figures.read_text(encoding="utf-8"))
        return Drawn(picture, found, datetime.fromisoformat(found["at"]))
    except FileNotFoundError:
        return None

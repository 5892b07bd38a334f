"""manage.py refresh CAMPAIGN: learn from the votes here and now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import IntegrityError, transaction

from labeling import refreshes
from labeling.management.naming import campaign_named
from labeling.management.running import do
from labeling.models import Campaign, Refresh


class Command(BaseCommand):
    help = "Bring a campaign's suggestions, consensus and queue up to date with its votes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="its slug")

    def handle(self, *args: Any, **options: Any) -> None:
        job = waiting(campaign_named(options["campaign"]))
        do(job, refreshes.refresh_and_draw)
        job.refresh_from_db()
        for name, figure in job.figures.items():
            self.stdout.write(f"{name}: {figure}")


def waiting(campaign: Campaign) -> Refresh:
    """The campaign's waiting refresh, or a new one."""
    try:
        with transaction.atomic():
            return Refresh.objects.create(campaign=campaign)
    except IntegrityError:
        return Refresh.objects.get(campaign=campaign, status="queued")

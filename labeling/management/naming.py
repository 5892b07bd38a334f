"""Find what a command's argument names, or say what there is instead."""

from django.core.management.base import CommandError

from labeling.models import Campaign


def campaign_named(slug: str) -> Campaign:
    """The campaign with this slug; CommandError that lists the campaigns otherwise."""
    campaign = Campaign.objects.filter(slug=slug).select_related("dataset").first()
    if campaign is None:
        there = ", ".join(Campaign.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(f"There is no campaign {slug!r}; there is {there or 'none yet'}.")
    return campaign

"""A release: what it holds and what it promises."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from labeling import comparisons, datasheets
from labeling.models import Release
from labeling.released import MANIFEST
from labeling.roles import page_for
from labeling.views import certificates
from labeling.views.shown import bars, scalars


@page_for("manager", "researcher")
def release(request: HttpRequest, release_id: int) -> HttpResponse:
    """What a release holds and what it promises."""
    found = get_object_or_404(
        Release.objects.select_related("campaign__dataset", "requested_by"), id=release_id
    )
    labels = {choice["value"]: choice["label"] for choice in found.campaign.choices}
    manifest = found.manifest
    counts, certificate = manifest.get("counts", {}), manifest.get("certificate", {})
    # The database keeps no order within JSON: the campaign's choices have theirs.
    order = [*(value for value in labels if value in counts), *sorted(set(counts) - set(labels))]
    rows = [
        (
            value,
            labels.get(value, value),
            counts[value].get("human", 0),
            counts[value].get("model", 0),
        )
        for value in order
    ]
    shown = {name: manifest.get(name, "") for name in ("format", "created_at")}
    shown |= {name: manifest.get(f"n_{name}", "") for name in ("labels", "votes")}
    shown |= {f"votes, {kind}": n for kind, n in manifest.get("votes_by_source", {}).items()}
    return render(
        request,
        "campaigns/release.html",
        {
            "release": found,
            "api_url": reverse("api-release", args=[found.id]),
            "chart": bars(rows),
            "files": manifest.get("files", []),
            "facts": scalars(shown),
            "manifest_text": json.dumps(manifest, indent=2, ensure_ascii=False),
            "certificate": certificate,
            "headline": certificates.headline(certificate),
            "steps": certificates.steps(certificate),
            "manifest_name": MANIFEST,
            "predecessor": comparisons.predecessor(found),
            "sections": list(datasheets.sections(manifest)) if "campaign" in manifest else [],
            "datasheet_name": datasheets.NAME if manifest.get("record") else "",
        },
    )

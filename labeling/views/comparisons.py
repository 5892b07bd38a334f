"""What changed between two releases."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from labeling import comparisons
from labeling.errors import Refused
from labeling.models import Release
from labeling.roles import page_for


@page_for("manager", "researcher")
def comparison(request: HttpRequest, release_id: int, other_id: int) -> HttpResponse:
    """Counts, the matrix from choice to choice, and the changed faces page by page."""
    releases = Release.objects.select_related("campaign__dataset")
    newer = get_object_or_404(releases, id=release_id)
    older = get_object_or_404(releases, id=other_id)
    given = request.GET.get("cursor", "0")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    try:
        told = comparisons.compare(older, newer)
        faces = comparisons.changed_faces(older, newer, after=after)
    except Refused as error:
        raise Http404(error.detail) from None
    labels = {choice["value"]: choice["label"] for choice in newer.campaign.choices}
    changed = {(row["from"], row["to"]): row["n"] for row in told["from_to"]}
    matrix = [
        (label, [told["kept"].get(v, 0) if v == to else changed.get((v, to), 0) for to in labels])
        for v, label in labels.items()
    ]
    shown = [
        {**row, "from": labels.get(row["from"], row["from"]), "to": labels.get(row["to"], "")}
        for row in faces
    ]
    return render(
        request,
        "campaigns/comparison.html",
        {
            "newer": newer,
            "older": older,
            "told": told,
            "labels": list(labels.values()),
            "matrix": matrix,
            "faces": shown,
            "next": faces[-1]["face"] if len(faces) == comparisons.PAGE else None,
            "is_first": not after,
        },
    )

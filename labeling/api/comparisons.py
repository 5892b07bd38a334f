"""The REST contract of comparing: what changed from one release to another."""

from typing import Any
from urllib.parse import urlencode

from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import comparisons
from labeling.api.releases import release_for
from labeling.bodies import ANY_OBJECT, read_query
from labeling.errors import Refused
from labeling.roles import needs


def read_cursor(given: str) -> int:
    """The number of the last face that was told."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Refused("invalid_query", f"cursor is {given!r}; expected the end of a list's next.")
    return int(given)


class ComparisonView(APIView):
    permission_classes = [needs("manager", "researcher")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, release_id: int, other_id: int) -> Response:
        """Counts, and the faces that changed; pages after the first hold faces only."""
        newer, older = release_for(release_id), release_for(other_id)
        cursor = read_query(request.query_params, "cursor").get("cursor")
        told: dict[str, Any] = {} if cursor else comparisons.compare(older, newer)
        after = read_cursor(cursor) if cursor else 0
        rows = comparisons.changed_faces(older, newer, after=after)
        following = None
        if len(rows) == comparisons.PAGE:
            address = reverse("api-comparison", args=[newer.id, older.id])
            query = urlencode({"cursor": rows[-1]["face"]})
            following = request.build_absolute_uri(f"{address}?{query}")
        return Response({**told, "results": rows, "next": following})


urlpatterns = [
    path(
        "api/releases/<int:release_id>/compare/<int:other_id>",
        ComparisonView.as_view(),
        name="api-comparison",
    )
]

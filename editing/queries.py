"""What comes in a query string and goes out as a keyset list."""

import math
from typing import Any

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.errors import Refused


def query_of(request: Request) -> tuple[QueryDict, int, int]:
    """The query without its paging, the cursor, and the page's size."""
    query = request.query_params.copy()
    cursor = _whole(query.pop("cursor", ["0"])[-1], "cursor", 0, 2**63 - 1)
    limit = _whole(query.pop("limit", ["60"])[-1], "limit", 1, 200)
    return query, cursor, limit


def _whole(text: str, name: str, low: int, high: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 19
    if not (is_number and low <= int(text) <= high):
        raise Refused("invalid", f"{name} is {text!r}; expected a whole number {low}..{high}.")
    return int(text)


def numbers(text: str, name: str) -> list[float]:
    """The numbers of "-45,-30,..."; refused with the part that is none."""
    parts = []
    for part in text.split(","):
        try:
            parts.append(float(part))
        except ValueError:
            parts.append(math.nan)
        if not math.isfinite(parts[-1]):
            raise Refused("invalid", f"{name} has {part!r}; expected numbers, as in -30,0,30.")
    return parts


def paged(rows: list[Any], cursor: int | None, request: Request) -> Response:
    """A keyset list: the rows and the address of the next page."""
    following = None
    if cursor is not None:
        query = request.query_params.copy()
        query["cursor"] = str(cursor)
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode(safe=',')}")
    return Response({"results": rows, "next": following})

"""What requests carry: bodies that are checked strictly, the same way in every app."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request

from labeling.errors import Refused

ANY_OBJECT = OpenApiTypes.OBJECT


class Strict(serializers.Serializer):
    """Refuses fields it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            detail = f"The fields {unknown} are unknown; expected some of {sorted(self.fields)}."
            raise serializers.ValidationError({"non_field_errors": [detail]})
        return super().to_internal_value(data)


def read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The request's body, checked."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return body.validated_data


def read_query(query: QueryDict, *known: str) -> dict[str, str]:
    """A query string's parameters; refused where one is unknown or comes twice."""
    if unknown := sorted(set(query) - set(known)):
        expected = f"expected some of {sorted(known)}" if known else "none is expected here"
        raise Refused("invalid_query", f"The query parameters {unknown} are unknown; {expected}.")
    for name in query:
        if len(query.getlist(name)) > 1:
            detail = f"{name} came {len(query.getlist(name))} times; expected it once."
            raise Refused("invalid_query", detail)
    return {name: query[name] for name in known if name in query}

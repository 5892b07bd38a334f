"""What requests carry: bodies that are checked strictly, the same way in every app."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from labeling.errors import Refused

ANY_OBJECT = OpenApiTypes.OBJECT
MISSING = object()
MOST_QUOTED = 80
NEVER_QUOTED = ("password",)


class JSONBody(JSONParser):
    """JSON of sane depth: DRF's own parser falls over what nests without end."""

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(stream, *args, **kwargs)
        except RecursionError:
            raise ParseError("The body nests its lists and objects too deeply.") from None


class Strict(serializers.Serializer):
    """Refuses fields it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            detail = f"The fields {unknown} are unknown; expected some of {sorted(self.fields)}."
            raise serializers.ValidationError({"non_field_errors": [detail]})
        return super().to_internal_value(data)


def read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The request's body, checked."""
    return checked(serializer, request.data)


def checked(serializer: type[serializers.Serializer], given: Any) -> dict[str, Any]:
    """What a client sent, checked; what it is refused for quotes what came."""
    body = serializer(data=given)
    if not body.is_valid():
        raise serializers.ValidationError(_quoting(body.errors, given))
    return body.validated_data


def _quoting(errors: Any, given: Any, field: object = "") -> Any:
    """The same errors, each sentence followed by what came for its field."""
    if isinstance(errors, dict):
        return {name: _quoting(part, _part(given, name), name) for name, part in errors.items()}
    is_told = given is not MISSING and field not in ("non_field_errors", *NEVER_QUOTED)
    if isinstance(errors, list) and is_told:
        return [f"{error} It was {_short(given)}." for error in errors]
    return errors


def _part(given: Any, name: Any) -> Any:
    if isinstance(given, dict):
        return given.get(name, MISSING)
    if isinstance(given, list) and isinstance(name, int) and name < len(given):
        return given[name]
    return MISSING


def _short(value: Any) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}..."


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

"""What requests of editing are made of: names or ids, numbers, rows."""

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class NameOrId(serializers.Field):
    """A row's id, or its name."""

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str) or not str(data).strip():
            raise serializers.ValidationError(f"{data!r} came; expected a name or an id.")
        text = str(data).strip()
        if "\0" in text or len(text) > 60:
            raise serializers.ValidationError(f"{text[:60]!r} is no name and no id.")
        return int(text) if isinstance(data, int) or (text.isascii() and text.isdigit()) else text

    def to_representation(self, value: Any) -> Any:
        return value


class Number(serializers.FloatField):
    """A finite number; true and false are none."""

    def to_internal_value(self, data: Any) -> float:
        try:
            number = math.nan if isinstance(data, bool) else float(data)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise serializers.ValidationError(f"{data!r} came; expected a finite number.")
        return number


def row_id(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**63 - 1, **options)

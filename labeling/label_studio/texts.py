"""Texts and JSON that came from outside, and whether PostgreSQL can hold them."""

import json
from typing import Any

from labeling.label_studio.errors import Invalid

QUOTED_LETTERS = 200


def is_storable(value: Any) -> bool:
    """No NUL and no half surrogate pair, anywhere: JSON may carry both, PostgreSQL neither."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text and (isinstance(value, str) or "\\u0000" not in text)


def quoted(value: Any) -> str:
    """What came, as errors quote it: no longer than a person reads."""
    text = repr(value)
    return text if len(text) <= QUOTED_LETTERS else f"{text[:QUOTED_LETTERS]}..."


def read_text(body: dict[str, Any], field: str, *, most: int, least: int = 0) -> str:
    """A text of the body, trimmed; raises Invalid for anything else."""
    text = body.get(field)
    if not isinstance(text, str) or not is_storable(text):
        raise Invalid(field, f"The {field} is {quoted(text)}; expected a text.")
    text = text.strip()
    if not least <= len(text) <= most:
        raise Invalid(field, f"The {field} has {len(text)} letters; expected {least} to {most}.")
    return text

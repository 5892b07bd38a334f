"""The one place where an error becomes an HTTP answer in Label Studio's form."""

import uuid
from typing import Any

from django.conf import settings
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from labeling.errors import Refused

VERSION = settings.SPECTACULAR_SETTINGS["VERSION"]


class Invalid(Refused):
    """One field of what came cannot be taken; the sentence stands under the field's name."""

    def __init__(self, field: str, detail: str, *, status: int = 400) -> None:
        super().__init__("invalid", detail, status=status)
        self.field = field


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer as Label Studio does; None (a 500) for what nobody foresaw."""
    if isinstance(error, RecursionError):
        error = Invalid("non_field_errors", "The body is nested too deeply; expected plain tasks.")
    if isinstance(error, Refused):
        # Marks the transaction for roll-back exactly as DRF does for its own errors.
        exception_handler(exceptions.APIException(), context)
        fields = {error.field: [error.detail]} if isinstance(error, Invalid) else None
        # The SDK sends a request that met a conflict twice again, which would not help here.
        status = 400 if error.status == 409 else error.status
        return Response(_form(status, error.detail, fields), status=status)
    answer = exception_handler(error, context)
    if answer is None:
        return None
    said = answer.data
    if isinstance(error, exceptions.ValidationError):
        fields = said if isinstance(said, dict) else {"non_field_errors": said}
        answer.data = _form(answer.status_code, "", fields)
    else:
        answer.data = _form(answer.status_code, str(said.get("detail", "")), None)
    return answer


def _form(status: int, detail: str, fields: dict[str, Any] | None) -> dict[str, Any]:
    """Label Studio's error body; what is wrong with which field stands apart from the detail."""
    body = {
        "id": str(uuid.uuid4()),
        "status_code": status,
        "version": VERSION,
        "detail": detail if fields is None else "Validation error",
        "exc_info": None,
    }
    return body if fields is None else body | {"validation_errors": fields}

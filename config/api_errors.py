"""The one place where an error becomes an HTTP answer: {"code", "detail"}."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from labeling.errors import Refused


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer with a stable code and a sentence; None (a 500) for what nobody foresaw."""
    if isinstance(error, RequestDataTooBig):
        came, most = context["request"].META["CONTENT_LENGTH"], settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        detail = f"The body has {came} bytes; expected at most {most}."
        error = Refused("too_large", detail, status=413)
    if isinstance(error, Refused):
        answer = Response({"code": error.code, "detail": error.detail}, status=error.status)
        # Marks the transaction for roll-back exactly as DRF does for its own errors.
        exception_handler(exceptions.APIException(), context)
        return answer
    answer = exception_handler(error, context)
    if answer is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        answer.data = {"code": "invalid", "detail": _sentence(error.detail)}
    elif isinstance(error, exceptions.APIException):
        answer.data = {"code": _code(error), "detail": _sentence(error.detail)}
    else:
        # Http404 and PermissionDenied of Django itself.
        code = "not_found" if answer.status_code == 404 else "permission_denied"
        answer.data = {"code": code, "detail": _sentence(answer.data.get("detail", code))}
    return answer


def no_such_address(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """The API's own answer where no address fits; elsewhere the page."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    detail = f"There is nothing at {request.path!r}; /api/docs lists what there is."
    return JsonResponse({"code": "not_found", "detail": detail}, status=404)


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid"


def _sentence(detail: Any, field: str = "") -> str:
    """Every message of a nested DRF error, each with the field it is about."""
    if isinstance(detail, dict):
        parts = (_sentence(part, f"{field}.{key}".strip(".")) for key, part in detail.items())
        return " ".join(part for part in parts if part)
    if isinstance(detail, list):
        return " ".join(_sentence(part, field) for part in detail if part)
    return f"{field}: {detail}" if field and field != "non_field_errors" else str(detail)

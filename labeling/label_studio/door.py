"""How one comes in: with a token, in a role, with a body of bounded size."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from knox.auth import TokenAuthentication
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.errors import Refused
from labeling.label_studio import errors
from labeling.label_studio.errors import Invalid
from labeling.label_studio.tasks import Viewer
from labeling.label_studio.texts import quoted
from labeling.roles import ROLES, needs

ANNOTATE = ("annotator",)
MANAGE = ("manager",)
EITHER = (*ANNOTATE, *MANAGE)
ANYBODY = ROLES


class OneForm(BaseContentNegotiation):
    """Answers have the form that the address says, whatever a client would rather accept."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class Door(APIView):
    """A view of the dialect. Only tokens open it: no session, so no forged request either."""

    authentication_classes = [TokenAuthentication]
    content_negotiation_class = OneForm
    schema = None  # the contract is Label Studio's, not ours
    # Who may do what: roles by method, in small letters.
    roles: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def get_permissions(self) -> list[BasePermission]:
        method = "get" if self.request.method == "HEAD" else self.request.method.lower()
        return [needs(*self.roles.get(method, ANYBODY))()]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return errors.handle

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if (came := int(request.META.get("CONTENT_LENGTH") or 0)) > most:
            detail = f"{came:,} bytes came at once; expected at most {most:,}. Send fewer tasks."
            raise Refused("too_large", detail, status=413)

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.request.user, self.request)


class Pages(PageNumberPagination):
    """Pages by number, as Label Studio has them; a page past the last is a 404."""

    page_size_query_param = "page_size"

    def __init__(self, page_size: int, most: int) -> None:
        self.page_size, self.max_page_size = page_size, most


def read_object(request: Request) -> dict[str, Any]:
    """The request's body, which must be an object."""
    if not isinstance(request.data, dict):
        detail = f"The body is {quoted(request.data)}; expected an object."
        raise Invalid("non_field_errors", detail)
    return request.data


def read_number(request: Request, field: str) -> int | None:
    """A whole number of the query; None where it is absent."""
    text = request.query_params.get(field)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Invalid(field, f"The {field} is {quoted(text)}; expected a number.")
    return int(text)


def read_flag(request: Request, field: str) -> bool:
    """A yes or no of the query, as the SDK and curl write it; absent = no."""
    text = request.query_params.get(field, "").lower()
    if text not in ("", "0", "1", "false", "true"):
        raise Invalid(field, f"{field} is {quoted(text)}; expected true or false.")
    return text in ("1", "true")

"""A name and a password for a token."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.urls import path
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.errors import Refused


class TokenBody(Strict):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class TokenThrottle(AnonRateThrottle):
    scope = "token"


class TokenView(APIView):
    """POST a name and a password for a token; DELETE revokes the token that comes with it."""

    throttle_classes = [TokenThrottle]

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    def get_authenticators(self) -> list[Any]:
        # A stale session or token must not keep anybody from asking for a new one.
        if self.request is not None and self.request.method == "POST":
            return []
        return super().get_authenticators()

    @extend_schema(request=TokenBody, responses=ANY_OBJECT)
    def post(self, request: Request) -> Response:
        body = read(TokenBody, request)
        # Django's own request: a lockout is noted on it, and the middleware answers for us then.
        user = authenticate(request._request, **body)
        if user is None:
            raise Refused("wrong_credentials", "The name or the password is wrong.")
        row, token = AuthToken.objects.create(user, expiry=timedelta(days=settings.TOKEN_DAYS))
        return Response({"token": token, "expires": row.expiry})

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        if isinstance(request.auth, AuthToken):
            request.auth.delete()
        return Response(status=204)


urlpatterns = [
    path("api/token", TokenView.as_view(), name="api-token"),
]

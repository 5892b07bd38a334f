"""What a person sets for themselves."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.models import User
from labeling.roles import needs


class KeysBody(Strict):
    layout = serializers.ChoiceField(choices=User.KeyLayout.values)


class KeysView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=KeysBody, responses=ANY_OBJECT)
    def post(self, request: Request) -> Response:
        layout = read(KeysBody, request)["layout"]
        User.objects.filter(id=request.user.id).update(key_layout=layout)
        return Response({"layout": layout})


urlpatterns = [path("api/me/keys", KeysView.as_view(), name="api-my-keys")]

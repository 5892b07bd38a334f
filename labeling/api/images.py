"""The picture of a face, to those who may see it."""

from pathlib import Path
from typing import Any

from django.urls import path
from django.utils.crypto import salted_hmac
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.bodies import read_query
from labeling.disguises import picture_of
from labeling.errors import NotFound
from labeling.files import is_known, send_bytes, send_file
from labeling.images import content_type, flipped, image_path
from labeling.models import Face
from labeling.roles import has_role, needs


class FaceImageView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, face_id: int) -> Any:
        mark = read_query(request.query_params, "turn").get("turn")
        face = Face.objects.select_related("dataset__mirrors").filter(id=face_id).first()
        # Annotators see the faces that an open campaign asks about, and no others.
        sees_all = has_role(request.user, "manager", "researcher")
        picture = face and picture_of(face, request.user, mark, sees_all=sees_all)
        if face is None or picture is None:
            raise NotFound(f"There is no face {face_id} for you.")
        return send_picture(request, picture, shown_as=face)


def send_picture(request: Request, face: Face, *, shown_as: Face) -> Any:
    """A face's picture; a mirrored one looks like any other from its headers."""
    file = image_path(face)
    name = Path(shown_as.filename).name
    seen = file.stat()
    # Keyed: from a plain hash of guessable numbers the face behind a borrowed name could be told.
    state = f"{face.id} {seen.st_size} {seen.st_mtime_ns}"
    etag = f'"{salted_hmac("labeling.api.images", state).hexdigest()[:32]}"'
    kind = content_type(file)
    if face.dataset.mirrors_id is None or is_known(request, etag):
        answer = send_file(request, file, name=name, etag=etag)
    else:
        answer = send_bytes(request, flipped(file), name, etag=etag)
    answer["Content-Type"] = kind
    return answer


urlpatterns = [
    path("api/faces/<int:face_id>/image", FaceImageView.as_view(), name="face-image"),
]

"""The picture of a face, to those who may see it."""

import hashlib
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.errors import NotFound
from labeling.files import is_known, send_bytes, send_file
from labeling.images import content_type, flipped, image_path
from labeling.models import Face
from labeling.roles import has_role, needs


class FaceImageView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, face_id: int) -> Any:
        face = get_object_or_404(Face.objects.select_related("dataset__mirrors"), id=face_id)
        # Annotators see the faces that an open campaign asks about, and no others.
        seen_by_all = has_role(request.user, "manager", "researcher")
        if not seen_by_all and not face.turns.filter(campaign__is_open=True).exists():
            raise NotFound(f"There is no face {face_id} for you.")
        return send_picture(request, face)


def send_picture(request: Request, face: Face) -> Any:
    """A face's picture; a mirrored one looks like any other from its headers."""
    file = image_path(face)
    seen = file.stat()
    mark = hashlib.sha256(f"{face.id} {seen.st_size} {seen.st_mtime_ns}".encode()).hexdigest()
    etag = f'"{mark[:32]}"'
    kind = content_type(file)
    if face.dataset.mirrors_id is None or is_known(request, etag):
        answer = send_file(request, file, etag=etag)
    else:
        answer = send_bytes(request, flipped(file), file.name, etag=etag)
    answer["Content-Type"] = kind
    return answer


urlpatterns = [
    path("api/faces/<int:face_id>/image", FaceImageView.as_view(), name="face-image"),
]

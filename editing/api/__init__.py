"""The REST contract of editing: parse, call, answer. Errors become HTTP in config.api_errors."""

from django.urls import path

from editing.api import components, local, regions
from editing.api.directions import DirectionsView
from editing.api.edits import EditFileView, EditsView
from editing.api.embeddings import EmbeddingsView
from editing.api.explorer import (
    FigureFileView,
    FigureSetsView,
    MeanFacesFileView,
    MeanFacesView,
)
from editing.api.faces import FacesView, FaceView, SummaryView
from editing.api.generators import GeneratorsView
from editing.api.rows import addresses
from editing.models import Direction, Edit, Embedding, FigureSet, Generator, MeanFaces

urlpatterns = [
    path("api/faces", FacesView.as_view(), name="api-faces"),
    path("api/faces/summary", SummaryView.as_view(), name="api-summary"),
    path("api/faces/<int:face_id>", FaceView.as_view(), name="api-face"),
    *addresses(Generator, "generators", GeneratorsView),
    *addresses(Embedding, "embeddings", EmbeddingsView),
    *addresses(Direction, "directions", DirectionsView),
    *regions.urlpatterns,
    *components.urlpatterns,
    *local.urlpatterns,
    *addresses(Edit, "edits", EditsView),
    path("api/edits/<int:job_id>/files/<str:name>", EditFileView.as_view(), name="api-edit-file"),
    *addresses(MeanFaces, "mean-faces", MeanFacesView),
    path(
        "api/mean-faces/<int:job_id>/files/<str:name>",
        MeanFacesFileView.as_view(),
        name="api-meanfaces-file",
    ),
    *addresses(FigureSet, "figures", FigureSetsView),
    path(
        "api/figures/<int:job_id>/files/<str:name>",
        FigureFileView.as_view(),
        name="api-figureset-file",
    ),
]

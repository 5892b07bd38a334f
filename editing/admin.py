"""Rows of editing in the back office: made by requests, written by workers, shown here."""

from django.contrib import admin

from editing.models import (
    Component,
    Decomposition,
    Direction,
    Edit,
    Embedding,
    FigureSet,
    Generator,
    MeanFaces,
    Region,
)
from labeling.admin import ReadOnly


@admin.register(Generator)
class GeneratorAdmin(ReadOnly):
    list_display = ["id", "name", "image_size", "source", "status", "created_at"]
    list_filter = ["status"]


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnly):
    list_display = ["id", "space", "filter", "n_embedded", "n_faces", "status", "created_at"]
    list_filter = ["status"]


@admin.register(Direction)
class DirectionAdmin(ReadOnly):
    list_display = ["id", "space", "filter", "status", "requested_by", "created_at"]
    list_filter = ["status"]
    list_select_related = ["requested_by"]


@admin.register(Edit)
class EditAdmin(ReadOnly):
    list_display = ["id", "kind", "face_id", "direction_id", "status", "requested_by", "created_at"]
    list_filter = ["status"]
    list_select_related = ["requested_by"]


@admin.register(Region)
class RegionAdmin(ReadOnly):
    list_display = ["id", "name", "face_id", "owner", "created_at"]
    list_select_related = ["owner"]


@admin.register(Decomposition)
class DecompositionAdmin(ReadOnly):
    list_display = ["id", "generator_id", "face_id", "timestep", "rank", "status", "created_at"]
    list_filter = ["status"]


@admin.register(Component)
class ComponentAdmin(ReadOnly):
    list_display = ["id", "decomposition_id", "method", "region", "index", "locality", "name"]
    list_filter = ["method"]


@admin.register(MeanFaces)
class MeanFacesAdmin(ReadOnly):
    list_display = ["id", "filter", "mirror", "status", "requested_by", "created_at"]
    list_filter = ["status"]
    list_select_related = ["requested_by"]


@admin.register(FigureSet)
class FigureSetAdmin(ReadOnly):
    list_display = ["id", "filter", "direction_id", "status", "requested_by", "created_at"]
    list_filter = ["status"]
    list_select_related = ["requested_by"]

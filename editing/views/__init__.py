"""The researcher's pages."""

from django.urls import path

from editing.views.directions import direction_page, directions_page, edit_page
from editing.views.explorer import explorer_page
from editing.views.faces import faces_page
from editing.views.jobs import generators_page, jobs_page
from editing.views.local import library_page, local_page, mark_page
from editing.views.sheets import decomposition_page

urlpatterns = [
    path("faces", faces_page, name="faces"),
    path("explorer", explorer_page, name="explorer"),
    path("generators", generators_page, name="generators"),
    path("directions", directions_page, name="directions"),
    path("directions/<int:direction_id>", direction_page, name="direction"),
    path("edits/<int:edit_id>", edit_page, name="edit"),
    path("local", local_page, name="local"),
    path("local/faces/<int:face_id>", mark_page, name="mark"),
    path("local/<int:decomposition_id>", decomposition_page, name="decomposition"),
    path("library", library_page, name="library"),
    path("jobs", jobs_page, name="jobs"),
]

"""The researcher's pages."""

from django.urls import path

from editing.views.directions import direction_page, directions_page, edit_page
from editing.views.explorer import explorer_page
from editing.views.faces import faces_page
from editing.views.jobs import generators_page, jobs_page

urlpatterns = [
    path("faces", faces_page, name="faces"),
    path("explorer", explorer_page, name="explorer"),
    path("generators", generators_page, name="generators"),
    path("directions", directions_page, name="directions"),
    path("directions/<int:direction_id>", direction_page, name="direction"),
    path("edits/<int:edit_id>", edit_page, name="edit"),
    path("jobs", jobs_page, name="jobs"),
]

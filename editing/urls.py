"""Every address of editing: the API and the pages."""

from editing import api, views

urlpatterns = [*api.urlpatterns, *views.urlpatterns]

"""The addresses of labeling."""

from labeling import api

urlpatterns = [*api.urlpatterns]

"""The addresses of labeling."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

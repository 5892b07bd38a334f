"""The addresses of editing."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

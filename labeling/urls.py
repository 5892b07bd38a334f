"""The addresses of labeling: pages for people, the API for programs."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from labeling import api, views

urlpatterns = [
    path("", views.home, name="home"),
    path(
        "login",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout", LogoutView.as_view(), name="logout"),
    path("label/<slug:slug>", views.label, name="label"),
    path("label/<slug:slug>/rubric", views.rubric, name="rubric"),
    path("campaigns", views.campaigns, name="campaigns"),
    path("campaigns/<slug:slug>", views.campaign, name="campaign"),
    path("releases/<int:release_id>", views.release, name="release"),
    *api.urlpatterns,
]

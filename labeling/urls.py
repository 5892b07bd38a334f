"""The addresses of labeling: pages for people, the API for programs."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from labeling import api
from labeling.views import campaigns, home, label, releases, start

urlpatterns = [
    path("", home.home, name="home"),
    path(
        "login",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout", LogoutView.as_view(), name="logout"),
    path("label/<slug:slug>", label.label, name="label"),
    path("label/<slug:slug>/rubric", start.rubric, name="rubric"),
    path("label/<slug:slug>/quiz", start.quiz, name="quiz"),
    path("campaigns", campaigns.campaigns, name="campaigns"),
    path("campaigns/<slug:slug>", campaigns.campaign, name="campaign"),
    path("releases/<int:release_id>", releases.release, name="release"),
    *api.urlpatterns,
]

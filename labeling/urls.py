"""The addresses of labeling: pages for people, the API for programs."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from labeling import api, label_studio
from labeling.views import acts, campaigns, guides, home, joining, label, people, releases, start

urlpatterns = [
    path("", home.home, name="home"),
    path(
        "login",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout", LogoutView.as_view(), name="logout"),
    path("label/<slug:slug>", label.label, name="label"),
    path("label/<slug:slug>/grid", label.grid, name="grid"),
    path("label/<slug:slug>/rubric", start.rubric, name="rubric"),
    path("label/<slug:slug>/quiz", start.quiz, name="quiz"),
    path("campaigns", campaigns.campaigns, name="campaigns"),
    path("campaigns/<slug:slug>", campaigns.campaign, name="campaign"),
    path("campaigns/<slug:slug>/rubric", guides.edit_rubric, name="campaign-rubric"),
    path("campaigns/<slug:slug>/quiz", guides.quiz_results, name="campaign-quiz"),
    path("campaigns/<slug:slug>/quiz/excuse", guides.excuse, name="quiz-excuse"),
    path("releases/<int:release_id>", releases.release, name="release"),
    path("people", people.people_page, name="people"),
    path("people/<int:person_id>", people.person_page, name="person"),
    path("people/<int:person_id>/roles", people.set_roles, name="person-roles"),
    path("people/<int:person_id>/suspend", people.suspend, name="person-suspend"),
    path("people/<int:person_id>/reactivate", people.reactivate, name="person-reactivate"),
    path("people/<int:person_id>/reset", people.reset_password, name="person-reset"),
    path("invites/<int:invite_id>/revoke", people.revoke, name="invite-revoke"),
    path("join/<str:token>", joining.join, name="join"),
    path("acts", acts.acts_page, name="acts"),
    *api.urlpatterns,
    *label_studio.urlpatterns,
]

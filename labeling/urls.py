"""The addresses of labeling: pages for people, the API for programs."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from labeling import api, label_studio
from labeling.views import (
    acts,
    campaign_people,
    campaign_settings,
    campaigns,
    comparisons,
    contested,
    guides,
    home,
    imports,
    joining,
    label,
    mean_faces,
    people,
    releases,
    start,
)

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
    path("campaigns/<slug:slug>/charts", campaigns.campaign_charts, name="campaign-charts"),
    path(
        "campaigns/<slug:slug>/annotators",
        campaign_people.annotators_page,
        name="campaign-annotators",
    ),
    path(
        "campaigns/<slug:slug>/annotators/table",
        campaign_people.annotators_table,
        name="campaign-annotators-table",
    ),
    path(
        "campaigns/<slug:slug>/agreement", campaign_people.agreement_page, name="campaign-agreement"
    ),
    path(
        "campaigns/<slug:slug>/agreement/figures",
        campaign_people.agreement_figures,
        name="campaign-agreement-figures",
    ),
    path("campaigns/<slug:slug>/contested", contested.contested, name="campaign-contested"),
    path("campaigns/<slug:slug>/mean-faces", mean_faces.mean_faces, name="campaign-mean-faces"),
    path(
        "campaigns/<slug:slug>/mean-faces/picture",
        mean_faces.picture,
        name="campaign-mean-faces-picture",
    ),
    path("campaigns/<slug:slug>/imports", imports.imports_page, name="campaign-imports"),
    path(
        "campaigns/<slug:slug>/settings", campaign_settings.settings_page, name="campaign-settings"
    ),
    path("campaigns/<slug:slug>/state", campaign_settings.open_or_close, name="campaign-state"),
    path("campaigns/<slug:slug>/audits", campaign_settings.draw_audits, name="campaign-audits"),
    path("campaigns/<slug:slug>/rubric", guides.edit_rubric, name="campaign-rubric"),
    path("campaigns/<slug:slug>/quiz", guides.quiz_results, name="campaign-quiz"),
    path("campaigns/<slug:slug>/quiz/excuse", guides.excuse, name="quiz-excuse"),
    path("releases/<int:release_id>", releases.release, name="release"),
    path(
        "releases/<int:release_id>/compare/<int:other_id>",
        comparisons.comparison,
        name="comparison",
    ),
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

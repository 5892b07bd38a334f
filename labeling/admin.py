"""The back office: people and campaigns. What must never change is shown, not edited.

Whatever is done here is an act as well, so that /acts tells the whole story.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from knox.models import AuthToken

from labeling import acts, people
from labeling.models import Act, Campaign, Classifier, Dataset, Refresh, Release, User, Vote

# Roles are fields of a person here, and a token is asked for with its owner's password.
admin.site.unregister([Group, AuthToken])


class Recorded(admin.ModelAdmin):
    """Writes an act beside each line of the back office's own log, in its transaction."""

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._record(request, "admin.add", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._record(request, "admin.change", obj, message)
        return super().log_change(request, obj, message)

    def _record(self, request: HttpRequest, what: str, obj: models.Model, message: Any) -> None:
        parts = message if isinstance(message, list) else [{"changed": {"fields": [str(message)]}}]
        fields = [name for part in parts for name in part.get("changed", {}).get("fields", [])]
        kind, campaign = obj._meta.verbose_name, obj if isinstance(obj, Campaign) else None
        name = campaign.slug if campaign else str(obj)
        acts.record(request.user, what, name, campaign=campaign, kind=str(kind), fields=fields)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(Recorded, UserAdmin):
    """People; they are suspended, never deleted: their votes and acts are theirs."""

    list_display = [
        "username",
        "origin",
        "is_annotator",
        "is_manager",
        "is_researcher",
        "is_active",
    ]
    list_filter = ["origin", "is_annotator", "is_manager", "is_researcher", "is_active"]
    fieldsets = [
        *UserAdmin.fieldsets,
        ("Penumbra", {"fields": ["is_annotator", "is_manager", "is_researcher", "origin"]}),
    ]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data:
            people.end_sessions(obj)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            if request.method == "POST" and answer.status_code == 302:
                people.end_sessions(User.objects.get(pk=id))
            return answer


class ReadOnly(admin.ModelAdmin):
    """Rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Campaign)
class CampaignAdmin(Recorded):
    list_display = ["slug", "title", "dataset", "votes_min", "votes_max", "is_open"]
    # Votes are about these: another question is another campaign. The rubric has its own page.
    readonly_fields = ["slug", "dataset", "choices", "rubric"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Act)
class ActAdmin(ReadOnly):
    list_display = ["id", "at", "by", "what", "about"]
    list_filter = ["what"]
    list_select_related = ["by"]


@admin.register(Dataset)
class DatasetAdmin(ReadOnly):
    list_display = ["name", "n_faces", "is_rendered", "imported_at"]


@admin.register(Vote)
class VoteAdmin(ReadOnly):
    list_display = ["id", "annotator", "choice", "source", "created_at"]
    list_filter = ["source", "choice"]
    list_select_related = ["annotator"]
    show_full_result_count = False


@admin.register(Refresh, Release)
class JobAdmin(ReadOnly):
    list_display = ["id", "campaign", "status", "progress", "step", "created_at"]
    list_filter = ["status"]


@admin.register(Classifier)
class ClassifierAdmin(ReadOnly):
    list_display = ["campaign", "version", "feature_version", "created_at"]
    exclude = ["weights"]

"""The back office: people and campaigns. What must never change is shown, not edited."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from labeling.models import Campaign, Classifier, Dataset, Refresh, Release, User, Vote


@admin.register(User)
class PersonAdmin(UserAdmin):
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


class ReadOnly(admin.ModelAdmin):
    """Rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["slug", "title", "dataset", "votes_min", "votes_max", "is_open"]
    # Votes are about these: another question is another campaign.
    readonly_fields = ["slug", "dataset", "choices"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


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

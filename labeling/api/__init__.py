"""The REST contract of labeling: parse, call, answer. Errors become HTTP in config.api_errors."""

from labeling.api import (
    campaigns,
    comparisons,
    contested,
    images,
    imports,
    me,
    quizzes,
    releases,
    tokens,
    turns,
)

urlpatterns = [
    *tokens.urlpatterns,
    *campaigns.urlpatterns,
    *comparisons.urlpatterns,
    *contested.urlpatterns,
    *imports.urlpatterns,
    *me.urlpatterns,
    *quizzes.urlpatterns,
    *turns.urlpatterns,
    *releases.urlpatterns,
    *images.urlpatterns,
]

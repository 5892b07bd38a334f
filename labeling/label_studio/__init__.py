"""A second, thin door in Label Studio's dialect: a project is a campaign, a task a turn."""

from labeling.label_studio.urls import urlpatterns

__all__ = ["urlpatterns"]

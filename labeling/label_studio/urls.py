"""The addresses of the dialect, with and without a slash at the end, as clients write them."""

from django.urls import path

from labeling.label_studio import views

VIEWS = {
    "health": views.HealthView,
    "api/version": views.VersionView,
    "api/current-user/whoami": views.WhoamiView,
    "api/projects": views.ProjectsView,
    "api/projects/<int:project_id>": views.ProjectView,
    "api/projects/<int:project_id>/import": views.ImportView,
    "api/projects/<int:project_id>/next": views.NextView,
    "api/projects/<int:project_id>/export": views.ExportView,
    "api/tasks": views.TasksView,
    "api/tasks/<int:task_id>": views.TaskView,
    "api/tasks/<int:task_id>/annotations": views.TaskAnnotationsView,
    "api/annotations/<int:annotation_id>": views.AnnotationView,
}

urlpatterns = [
    path(f"label-studio/{address}{end}", view.as_view())
    for address, view in VIEWS.items()
    for end in ("", "/")
]
urlpatterns.append(path("label-studio/api/<path:rest>", views.UnspokenView.as_view()))

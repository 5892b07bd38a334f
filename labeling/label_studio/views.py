"""The dialect's requests: parse, call, answer."""

import json
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from labeling import quizzes, votes
from labeling.errors import NotFound, Refused
from labeling.label_studio import annotations, exports, imports, projects, tasks
from labeling.label_studio.configs import config_of
from labeling.label_studio.door import (
    ANNOTATE,
    ANYBODY,
    EITHER,
    MANAGE,
    Door,
    Pages,
    read_flag,
    read_number,
    read_object,
)
from labeling.label_studio.errors import VERSION, Invalid
from labeling.label_studio.texts import quoted
from labeling.models import Campaign, Turn, User
from labeling.roles import has_role

PROJECTS_A_PAGE, TASKS_A_PAGE = 30, 100
MOST_PROJECTS_A_PAGE, MOST_TASKS_A_PAGE = 100, 1000
ORDERS = ("id", "-id", "title", "-title", "created_at", "-created_at")
# What selects or sorts tasks in Label Studio's own pages; ignoring it would answer falsely.
UNSPOKEN = ("view", "review", "selectedItems")


class VersionView(Door):
    roles = {"get": ANYBODY}

    def get(self, request: Request) -> Response:
        parts = ("backend", "dm2", "lsf", "label-studio-converter", "label-studio-frontend")
        parts += ("label-studio-os-backend", "label-studio-os-package")
        return Response({"release": VERSION, "edition": "Community"} | {name: {} for name in parts})


class HealthView(Door):
    """What the SDK's older client asks before anything else."""

    roles = {"get": ANYBODY}

    def get(self, request: Request) -> Response:
        return Response({"status": "UP"})


class WhoamiView(Door):
    roles = {"get": ANYBODY}

    def get(self, request: Request) -> Response:
        return Response(projects.show_person(request.user))


class ProjectsView(Door):
    roles = {"get": ANYBODY, "post": MANAGE}

    def get(self, request: Request) -> Response:
        found = Campaign.objects.select_related("label_studio__created_by", "dataset")
        if not has_role(request.user, "manager", "researcher"):
            found = found.filter(is_open=True)
        if title := request.query_params.get("title"):
            found = found.filter(title__icontains=title.replace("\0", ""))
        if ids := request.query_params.get("ids"):
            found = found.filter(id__in=read_ids("ids", [ids]))
        order = request.query_params.get("ordering") or "-created_at"
        if order not in ORDERS:
            raise Invalid("ordering", f"ordering is {quoted(order)}; expected one of {ORDERS}.")
        pages = Pages(PROJECTS_A_PAGE, MOST_PROJECTS_A_PAGE)
        page = pages.paginate_queryset(found.order_by(order, "-id"), request)
        return pages.get_paginated_response(projects.show_projects(page))

    def post(self, request: Request) -> Response:
        campaign = projects.create_project(request.user, read_object(request))
        return Response(projects.show_projects([campaign])[0], status=201)


class ProjectView(Door):
    roles = {"get": ANYBODY, "patch": MANAGE}

    def get(self, request: Request, project_id: int) -> Response:
        campaign = tasks.project_for(request.user, project_id)
        return Response(projects.show_projects([campaign])[0])

    def patch(self, request: Request, project_id: int) -> Response:
        campaign = tasks.project_for(request.user, project_id)
        campaign = projects.update_project(request.user, campaign, read_object(request))
        return Response(projects.show_projects([campaign])[0])


class ImportView(Door):
    roles = {"post": MANAGE}

    def post(self, request: Request, project_id: int) -> Response:
        campaign = tasks.project_for(request.user, project_id)
        done = imports.import_tasks(campaign, request.user, request.data, request.get_host())
        answer: dict[str, Any] = {
            "task_count": done.n_new,
            "annotation_count": 0,
            "prediction_count": 0,
            "predictions_count": 0,
            "duration": 0.0,
            "file_upload_ids": [],
            "could_be_tasks_list": False,
            "found_formats": [],
            "data_columns": done.columns,
        }
        if read_flag(request, "return_task_ids"):
            answer["task_ids"] = done.task_ids
        return Response(answer, status=201)


class NextView(Door):
    roles = {"get": ANNOTATE}

    def get(self, request: Request, project_id: int) -> Response:
        campaign = tasks.project_for(request.user, project_id)
        ready(campaign, request.user)
        turn = tasks.next_turn(campaign, request.user)
        if turn is None:
            detail = f"Project {project_id} has no task left for {request.user.username}."
            raise NotFound(detail)
        return Response(tasks.show_tasks([turn], campaign, self.viewer)[0])


class TasksView(Door):
    roles = {"get": EITHER}

    def get(self, request: Request) -> Response:
        for field in UNSPOKEN:
            if request.query_params.get(field, "false").lower() != "false":
                raise Invalid(
                    field, f"{field} came; tasks are listed by their number, all of them."
                )
        refuse_filters(request.query_params.get("query", ""))
        project_id = read_number(request, "project")
        if project_id is None:
            raise Invalid("project", "No project came; expected the number of one.")
        campaign = tasks.project_for(request.user, project_id)
        found = tasks.turns_of(campaign)
        if read_flag(request, "only_annotated"):
            found = self.answered(found, campaign, request.user)
        pages = Pages(TASKS_A_PAGE, MOST_TASKS_A_PAGE)
        page = pages.paginate_queryset(found, request)
        shown = tasks.show_tasks(page, campaign, self.viewer)
        return Response(
            {
                "tasks": shown,
                "total": pages.page.paginator.count,
                "total_annotations": sum(task["total_annotations"] for task in shown),
                "total_predictions": sum(task["total_predictions"] for task in shown),
            }
        )

    def answered(self, found: Any, campaign: Campaign, user: User) -> Any:
        """Of all annotators for a manager, of oneself for an annotator."""
        standing = votes.standing(campaign)
        if not has_role(user, "manager"):
            standing = votes.answers(campaign).filter(annotator=user)
        return found.filter(id__in=standing.values("turn_id"))


class TaskView(Door):
    roles = {"get": EITHER}

    def get(self, request: Request, task_id: int) -> Response:
        turn = tasks.turn_for(request.user, task_id)
        return Response(tasks.show_tasks([turn], turn.campaign, self.viewer)[0])


class TaskAnnotationsView(Door):
    roles = {"get": EITHER, "post": ANNOTATE}

    def get(self, request: Request, task_id: int) -> Response:
        turn = tasks.turn_for(request.user, task_id)
        return Response(tasks.show_tasks([turn], turn.campaign, self.viewer)[0]["annotations"])

    def post(self, request: Request, task_id: int) -> Response:
        turn = tasks.turn_for(request.user, task_id)
        ready(turn.campaign, request.user)
        annotation, is_new = annotations.create(turn, request.user, request.data)
        shown = annotations.show(annotation, turn.campaign, config_of(turn.campaign)[0])
        return Response(shown, status=201 if is_new else 200)


class AnnotationView(Door):
    roles = {"get": EITHER, "patch": ANNOTATE, "put": ANNOTATE, "delete": EITHER}

    def get(self, request: Request, annotation_id: int) -> Response:
        task_id, annotator_id = annotations.parts_of(annotation_id)
        turn = tasks.turn_for(request.user, task_id)
        by = None if self.viewer.is_manager else request.user
        found = annotations.of_tasks([turn], by=by, without_trials=by is None)
        for one in found.get(turn.id, []):
            if one.vote.annotator_id == annotator_id:
                return Response(annotations.show(one, turn.campaign, config_of(turn.campaign)[0]))
        raise NotFound(f"There is no annotation {annotation_id} for you.")

    def patch(self, request: Request, annotation_id: int) -> Response:
        turn = self.own(request, annotation_id)
        annotation = annotations.change(turn, request.user, request.data)
        return Response(annotations.show(annotation, turn.campaign, config_of(turn.campaign)[0]))

    def put(self, request: Request, annotation_id: int) -> Response:
        return self.patch(request, annotation_id)

    def delete(self, request: Request, annotation_id: int) -> Response:
        annotations.take_back(self.own(request, annotation_id), request.user)
        return Response(status=204)

    def own(self, request: Request, annotation_id: int) -> Turn:
        """The task of one's own annotation; another's is refused whether it exists or not."""
        task_id, annotator_id = annotations.parts_of(annotation_id)
        turn = tasks.turn_for(request.user, task_id)
        if annotator_id != request.user.id:
            detail = (
                f"Annotation {annotation_id} isn't yours: votes are taken back by their voters."
            )
            raise Refused("not_yours", detail, status=403)
        return turn


class ExportView(Door):
    roles = {"get": MANAGE}

    def get(self, request: Request, project_id: int) -> HttpResponseBase:
        campaign = tasks.project_for(request.user, project_id)
        query = request.query_params
        export_type = query.get("exportType") or query.get("export_type") or "JSON"
        if export_type not in exports.FORMATS:
            expected = sorted(exports.FORMATS)
            raise Invalid(
                "exportType", f"exportType is {quoted(export_type)}; expected one of {expected}."
            )
        parts, content_type = exports.export(
            campaign,
            self.viewer,
            export_type,
            everything=read_flag(request, "download_all_tasks"),
            only=read_ids("ids", [*query.getlist("ids"), *query.getlist("ids[]")]),
        )
        answer = StreamingHttpResponse((part.encode() for part in parts), content_type=content_type)
        ending = "csv" if export_type == "CSV" else "json"
        name = f"project-{campaign.id}-{campaign.slug}.{ending}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


class UnspokenView(Door):
    """Whatever else Label Studio has: a 404 in its own form instead of a page."""

    def get(self, request: Request, rest: str) -> Response:
        raise NotFound(f"/{rest} is no part of the dialect that Penumbra speaks.")

    post = put = patch = delete = get


def ready(campaign: Campaign, annotator: User) -> None:
    """Refuse whoever must pass the campaign's quiz first."""
    if not quizzes.may_label(campaign, annotator):
        detail = f"Pass the quiz of {campaign.slug!r} on its label page first."
        raise Refused("quiz_needed", detail, status=403)


def read_ids(field: str, texts: list[str]) -> list[int]:
    """Numbers, each text one or several with commas between."""
    parts = [part.strip() for text in texts for part in text.split(",")]
    for part in parts:
        if not part.isascii() or not part.isdigit() or int(part) >= 2**63:
            raise Invalid(field, f"{field} has {quoted(part)}; expected numbers.")
    return [int(part) for part in parts]


def refuse_filters(query: str) -> None:
    """The SDK's older client always sends a query; one that selects nothing is fine."""
    try:
        asked = json.loads(query or "{}")
    except ValueError:
        asked = query
    selected = asked.get("selectedItems") if isinstance(asked, dict) else None
    everything = (None, {}, {"all": True, "excluded": []})
    if not isinstance(asked, dict) or selected not in everything:
        raise Invalid("query", f"The query is {quoted(query)}; tasks can't be selected here.")
    filters = asked.get("filters") or {}
    if asked.get("ordering") or (filters.get("items") if isinstance(filters, dict) else filters):
        detail = f"The query is {quoted(query)}; tasks can't be filtered or sorted here."
        raise Invalid("query", detail)

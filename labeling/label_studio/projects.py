"""Campaigns as projects: made, shown and changed."""

import secrets
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.utils.text import slugify

from labeling import campaigns
from labeling.errors import Conflict, Refused
from labeling.label_studio.annotations import stamp
from labeling.label_studio.configs import LabelConfig, config_of, read_config
from labeling.label_studio.errors import Invalid
from labeling.label_studio.texts import quoted, read_text
from labeling.models import (
    ELSEWHERE,
    UNSURE,
    Campaign,
    Dataset,
    LabelStudioProject,
    Suggestion,
    Turn,
    User,
    Vote,
)

TITLE_LETTERS, DESCRIPTION_LETTERS, SLUG_LETTERS = 120, 10_000, 40


def create_project(by: User, body: dict[str, Any]) -> Campaign:
    """A campaign with this title and label config; its faces come with the first import.

    Settings of a project that mean nothing here are accepted and stay without effect.
    raises  Invalid for a field that cannot be taken
    """
    title = read_text(body, "title", least=1, most=TITLE_LETTERS)
    description = _description(body)
    config = read_config(body.get("label_config"))
    policy = _policy(body)
    slug = slugify(title)[:SLUG_LETTERS].strip("-_") or "project"
    for name in (slug, f"{slug}-{secrets.token_hex(3)}"):
        try:
            with transaction.atomic():
                # Until the first import says which faces the project is about.
                dataset = Dataset.objects.create(
                    name=f"label-studio-{name}", image_folder=ELSEWHERE
                )
                campaign = campaigns.create(
                    dataset,
                    name,
                    by=by,
                    title=title,
                    prompt=config.prompt or title,
                    choices=config.choices,
                    **policy,
                )
                LabelStudioProject.objects.create(
                    campaign=campaign,
                    label_config=body["label_config"],
                    description=description,
                    created_by=by,
                )
            return campaign
        except (Conflict, IntegrityError):
            continue  # the name is taken, perhaps since a moment ago
    raise Refused("campaign_exists", f"There are campaigns like {slug!r} already; try again.")


def update_project(by: User, campaign: Campaign, body: dict[str, Any]) -> Campaign:
    """Change what came; all of it or nothing.

    raises  Invalid for a field that cannot be taken, Conflict for other choices once there are
            votes
    """
    changes = _policy(body)
    if "title" in body:
        changes["title"] = read_text(body, "title", least=1, most=TITLE_LETTERS)
    with transaction.atomic():
        # The row of a campaign that was made on our pages begins with the config it has now.
        kept = {name for name in ("label_config", "description") if name in body}
        project = _project_row(campaign, by) if kept else None
        if "label_config" in body:
            config = _other_config(campaign, body["label_config"])
            changes |= {"choices": config.choices, "prompt": config.prompt or campaign.prompt}
        campaigns.change(campaign, by=by, **changes)
        if project is not None:
            project.label_config = body.get("label_config", project.label_config)
            project.description = (
                _description(body) if "description" in body else project.description
            )
            project.save()
    return Campaign.objects.select_related("label_studio__created_by").get(id=campaign.id)


def _other_config(campaign: Campaign, text: object) -> LabelConfig:
    """Another label config for a campaign; tasks keep the key under which they name their image."""
    config, old = read_config(text), config_of(campaign)[0]
    if config.image_key != old.image_key and campaign.turns.exists():
        detail = (
            f"The image is ${config.image_key}; the tasks that are there have ${old.image_key}."
        )
        raise Invalid("label_config", detail)
    return config


def _project_row(campaign: Campaign, by: User) -> LabelStudioProject:
    project, _ = LabelStudioProject.objects.get_or_create(
        campaign=campaign,
        defaults={"label_config": config_of(campaign)[1], "created_by": by},
    )
    return project


def _description(body: dict[str, Any]) -> str:
    if body.get("description") is None:
        return ""
    return read_text(body, "description", most=DESCRIPTION_LETTERS)


def _policy(body: dict[str, Any]) -> dict[str, Any]:
    """What a client says of redundancy, as many votes and no more, and of being open."""
    policy: dict[str, Any] = {}
    if (n := body.get("maximum_annotations")) is not None:
        least, most = campaigns.RANGES["votes_max"]
        if isinstance(n, bool) or not isinstance(n, int) or not least <= n <= most:
            detail = f"maximum_annotations is {quoted(n)}; expected {least} to {most}."
            raise Invalid("maximum_annotations", detail)
        policy |= {"votes_min": n, "votes_max": n}
    if (published := body.get("is_published")) is not None:
        if not isinstance(published, bool):
            detail = f"is_published is {quoted(published)}; expected true or false."
            raise Invalid("is_published", detail)
        policy["is_open"] = published
    return policy


def show_projects(found: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Projects as Label Studio shows them, with their counts."""
    turns = Turn.objects.asked().filter(campaign__in=found).values("campaign_id")
    tasks = {
        row["campaign_id"]: row
        for row in turns.annotate(
            n=Count("id"),
            n_closed=Count("id", filter=Q(had__gte=F("wanted"))),
            n_answered=Count("id", filter=Q(had__gt=0)),
        )
    }
    standing = Vote.objects.filter(
        turn__campaign__in=found, choice__isnull=False, withdrawal=None, is_catch=False
    ).exclude(turn__kind=Turn.Kind.MIRROR)
    answers = {
        row["turn__campaign_id"]: row
        for row in standing.values("turn__campaign_id").annotate(
            n=Count("id"), n_skipped=Count("id", filter=Q(choice=UNSURE))
        )
    }
    said = Suggestion.objects.filter(campaign__in=found).values("campaign_id")
    predictions = dict(said.annotate(n=Count("id")).values_list("campaign_id", "n"))
    return [
        _show(
            campaign,
            tasks.get(campaign.id, {}),
            answers.get(campaign.id, {}),
            predictions.get(campaign.id, 0),
        )
        for campaign in found
    ]


def _show(
    campaign: Campaign, tasks: dict[str, int], answers: dict[str, int], n_predictions: int
) -> dict[str, Any]:
    config, text = config_of(campaign)
    project = getattr(campaign, "label_studio", None)
    n_tasks, n_skipped = tasks.get("n", 0), answers.get("n_skipped", 0)
    n_answers = answers.get("n", 0) - n_skipped
    return {
        "id": campaign.id,
        "title": campaign.title,
        "description": project.description if project else "",
        "label_config": text,
        "parsed_label_config": _parsed(config),
        "expert_instruction": "",
        "show_instruction": False,
        "show_skip_button": True,
        "enable_empty_annotation": False,
        "show_collab_predictions": False,
        "maximum_annotations": campaign.votes_max,
        "min_annotations_to_start_training": 0,
        "overlap_cohort_percentage": 100,
        "sampling": "Uncertainty sampling",
        "is_published": campaign.is_open,
        "is_draft": False,
        "color": "#FFFFFF",
        "model_version": "",
        "organization": 1,
        "workspace": None,
        "created_at": stamp(campaign.created_at),
        "created_by": _simple(project.created_by) if project else None,
        "pinned_at": None,
        "control_weights": {},
        "config_has_control_tags": True,
        "ready": n_tasks > 0,
        "task_number": n_tasks,
        "finished_task_number": tasks.get("n_closed", 0),
        "num_tasks_with_annotations": tasks.get("n_answered", 0),
        "total_annotations_number": n_answers,
        "useful_annotation_number": n_answers,
        "skipped_annotations_number": n_skipped,
        "total_predictions_number": n_predictions,
        "ground_truth_number": 0,
        "queue_total": n_tasks,
        "queue_done": tasks.get("n_closed", 0),
        "assignment_settings": {},
        "review_settings": {},
    }


def _parsed(config: LabelConfig) -> dict[str, Any]:
    return {
        config.choices_name: {
            "type": "Choices",
            "to_name": [config.image_name],
            "inputs": [{"type": "Image", "value": config.image_key, "valueType": None}],
            "labels": config.words,
            "labels_attrs": {
                word: {"value": choice["label"]}
                for word, choice in zip(config.words, config.choices, strict=True)
            },
        }
    }


def _simple(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email or user.username,
        "avatar": None,
    }


def show_person(user: User) -> dict[str, Any]:
    """One person as Label Studio shows whoever asks who they are."""
    joined = stamp(user.date_joined)
    return _simple(user) | {
        "username": user.username,
        "initials": (user.get_full_name() or user.username)[:2].upper(),
        "phone": "",
        "active_organization": 1,
        "active_organization_meta": {"title": "Penumbra", "email": ""},
        "allow_newsletters": False,
        "date_joined": joined,
        "last_activity": stamp(user.last_login) if user.last_login else joined,
        "custom_hotkeys": {},
    }

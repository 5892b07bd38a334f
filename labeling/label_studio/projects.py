"""Campaigns as projects: made, shown and changed."""

import secrets
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.utils.text import slugify

from labeling import acts, queue
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
MOST_ANNOTATIONS = 20
# What a client can change of a campaign, and what a label config changes beside the choices.
CHANGED = ("title", "prompt", "votes_max")


def create_project(by: User, body: dict[str, Any]) -> Campaign:
    """A campaign with this title and label config; its faces come with the first import.

    Settings of a project that mean nothing here are accepted and stay without effect.
    raises  Invalid for a field that cannot be taken
    """
    title = read_text(body, "title", least=1, most=TITLE_LETTERS)
    description = _description(body)
    config = read_config(body.get("label_config"))
    policy = _redundancy(body) | {"is_open": _is_open(body, default=True)}
    slug = slugify(title)[:SLUG_LETTERS].strip("-_") or "project"
    for name in (slug, f"{slug}-{secrets.token_hex(3)}"):
        try:
            with transaction.atomic():
                campaign = _campaign(name, title, config, policy)
                LabelStudioProject.objects.create(
                    campaign=campaign,
                    label_config=body["label_config"],
                    description=description,
                    created_by=by,
                )
                acts.record(by, "campaign.create", name, campaign=campaign, door="label-studio")
            return campaign
        except (Conflict, IntegrityError):
            continue  # the name is taken, perhaps since a moment ago
    raise Refused("campaign_exists", f"There are campaigns like {slug!r} already; try again.")


def _campaign(slug: str, title: str, config: LabelConfig, policy: dict[str, Any]) -> Campaign:
    # Until the first import says which faces it is about.
    dataset = Dataset.objects.create(name=f"label-studio-{slug}", image_folder=ELSEWHERE)
    try:
        return queue.create_campaign(
            dataset,
            slug,
            title=title,
            prompt=config.prompt or title,
            choices=config.choices,
            **policy,
        )
    except Refused as refused:
        if refused.code == "invalid_choices":
            raise Invalid("label_config", refused.detail) from None
        raise


def update_project(by: User, campaign: Campaign, body: dict[str, Any]) -> Campaign:
    """Change what came; all of it or nothing."""
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
        before = {name: getattr(campaign, name) for name in CHANGED}
        if "title" in body:
            campaign.title = read_text(body, "title", least=1, most=TITLE_LETTERS)
        was_open = campaign.is_open
        campaign.is_open = _is_open(body, default=was_open)
        if (votes := _redundancy(body)) and votes["votes_max"] != campaign.votes_max:
            if campaign.turns.exists():
                detail = "maximum_annotations can be changed only before the first import."
                raise Invalid("maximum_annotations", detail)
            campaign.votes_min, campaign.votes_max = votes["votes_min"], votes["votes_max"]
        if "label_config" in body:
            _ask_otherwise(campaign, body["label_config"], by)
        campaign.save(update_fields=[*CHANGED, "choices", "votes_min", "is_open"])
        if "description" in body:
            project = _project_row(campaign, by)
            project.description = _description(body)
            project.save(update_fields=["description"])
        changed = {name for name in CHANGED if getattr(campaign, name) != before[name]}
        if changed := sorted(changed | {"label_config", "description"} & set(body)):
            acts.record(by, "campaign.change", campaign.slug, campaign=campaign, fields=changed)
        if campaign.is_open != was_open:
            deed = "campaign.open" if campaign.is_open else "campaign.close"
            acts.record(by, deed, campaign.slug, campaign=campaign)
    return Campaign.objects.select_related("label_studio__created_by").get(id=campaign.id)


def _ask_otherwise(campaign: Campaign, text: object, by: User) -> None:
    """Take another label config: any before the first import, then one with the same answers."""
    config, old = read_config(text), config_of(campaign)[0]
    is_other = (config.values, config.image_key) != (old.values, old.image_key)
    if is_other and campaign.turns.exists():
        raise Invalid(
            "label_config",
            f"There are tasks with the choices {old.values} and the image ${old.image_key}; "
            f"{config.values} and ${config.image_key} came. Make another project for those.",
        )
    try:
        queue.check_choices(config.choices)
    except Refused as refused:
        raise Invalid("label_config", refused.detail) from None
    project = _project_row(campaign, by)
    project.label_config = str(text)
    project.save(update_fields=["label_config"])
    campaign.choices = config.choices
    campaign.prompt = config.prompt or campaign.prompt


def _project_row(campaign: Campaign, by: User) -> LabelStudioProject:
    """What the dialect remembers of a campaign; a row begins for one made on our pages."""
    project, _ = LabelStudioProject.objects.get_or_create(
        campaign=campaign,
        defaults={"label_config": config_of(campaign)[1], "created_by": by},
    )
    return project


def _description(body: dict[str, Any]) -> str:
    if body.get("description") is None:
        return ""
    return read_text(body, "description", most=DESCRIPTION_LETTERS)


def _is_open(body: dict[str, Any], *, default: bool) -> bool:
    published = body.get("is_published", default)
    if not isinstance(published, bool):
        detail = f"is_published is {quoted(published)}; expected true or false."
        raise Invalid("is_published", detail)
    return published


def _redundancy(body: dict[str, Any]) -> dict[str, int]:
    """As many votes as the client says, no more; where it says nothing, the campaign's default."""
    n = body.get("maximum_annotations")
    if n is None:
        return {}
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_ANNOTATIONS:
        detail = f"maximum_annotations is {quoted(n)}; expected 1 to {MOST_ANNOTATIONS}."
        raise Invalid("maximum_annotations", detail)
    return {"votes_min": n, "votes_max": n}


def show_projects(campaigns: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Projects as Label Studio shows them, with their counts."""
    turns = Turn.objects.asked().filter(campaign__in=campaigns).values("campaign_id")
    tasks = {
        row["campaign_id"]: row
        for row in turns.annotate(
            n=Count("id"),
            n_closed=Count("id", filter=Q(had__gte=F("wanted"))),
            n_answered=Count("id", filter=Q(had__gt=0)),
        )
    }
    standing = Vote.objects.filter(
        turn__campaign__in=campaigns, choice__isnull=False, withdrawal=None, is_catch=False
    ).exclude(turn__kind=Turn.Kind.MIRROR)
    answers = {
        row["turn__campaign_id"]: row
        for row in standing.values("turn__campaign_id").annotate(
            n=Count("id"), n_skipped=Count("id", filter=Q(choice=UNSURE))
        )
    }
    said = Suggestion.objects.filter(campaign__in=campaigns).values("campaign_id")
    predictions = dict(said.annotate(n=Count("id")).values_list("campaign_id", "n"))
    return [
        _show(
            campaign,
            tasks.get(campaign.id, {}),
            answers.get(campaign.id, {}),
            predictions.get(campaign.id, 0),
        )
        for campaign in campaigns
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
            "labels": config.values,
            "labels_attrs": {one["value"]: {"value": one["label"]} for one in config.choices},
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

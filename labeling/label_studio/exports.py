"""A project's annotations in Label Studio's formats, streamed, so that memory stays flat."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Func, TextField

from labeling.label_studio.configs import config_of
from labeling.label_studio.tasks import Viewer, data_columns, show_tasks, turns_of
from labeling.models import Campaign, LabelStudioTask, Turn

CHUNK = 1000
PART_LETTERS = 2**16
Task = dict[str, Any]
# What the formats but JSON say of each annotation.
SAID_OF_ANNOTATIONS = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")


def export(
    campaign: Campaign, viewer: Viewer, export_type: str, *, everything: bool, only: list[int]
) -> tuple[Iterator[str], str]:
    """The export's text in parts, and its content type.

    everything  tasks without annotations too
    only        these tasks; empty: all
    """
    write, content_type = FORMATS[export_type]
    turns = turns_of(campaign)
    if only:
        turns = turns.filter(id__in=only)

    def tasks() -> Iterator[Task]:
        return _tasks(turns, campaign, viewer, everything=everything)

    return _gathered(write(campaign, tasks)), content_type


def _gathered(parts: Iterator[str]) -> Iterator[str]:
    """The same text in parts worth sending: each is written to the network by itself."""
    gathered, letters = [], 0
    for part in parts:
        gathered.append(part)
        letters += len(part)
        if letters >= PART_LETTERS:
            yield "".join(gathered)
            gathered, letters = [], 0
    yield "".join(gathered)


def _tasks(turns: Any, campaign: Campaign, viewer: Viewer, *, everything: bool) -> Iterator[Task]:
    """By task number, so that each chunk begins where the one before ended."""
    if not everything:
        turns = turns.filter(had__gt=0)
    last = 0
    while chunk := list[Turn](turns.filter(id__gt=last)[:CHUNK]):
        last = chunk[-1].id
        for task in show_tasks(chunk, campaign, viewer):
            if everything or task["annotations"]:
                yield task


def _json(campaign: Campaign, tasks: Callable[[], Iterator[Task]]) -> Iterator[str]:
    return _listed(tasks())


def _json_min(campaign: Campaign, tasks: Callable[[], Iterator[Task]]) -> Iterator[str]:
    name = config_of(campaign)[0].choices_name

    def records() -> Iterator[dict[str, Any]]:
        for task, annotation in _answers(tasks()):
            chosen = {name: _chosen(annotation)} if annotation else {}
            yield task["data"] | {"id": task["id"]} | chosen | _about(annotation)

    return _listed(records())


def _csv(campaign: Campaign, tasks: Callable[[], Iterator[Task]]) -> Iterator[str]:
    name = config_of(campaign)[0].choices_name
    columns = {*SAID_OF_ANNOTATIONS, "id", name, *_data_columns(campaign)}
    page = io.StringIO()
    writer = csv.DictWriter(page, sorted(columns), quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for task, annotation in _answers(tasks()):
        row = {"id": task["id"]} | ({name: _chosen(annotation)} if annotation else {})
        row |= {column: _cell(value) for column, value in task["data"].items()}
        about = _about(annotation)
        writer.writerow(row | about | {"annotator": about["annotator"] and str(about["annotator"])})
        yield page.getvalue()
        page.seek(0)
        page.truncate()
    yield page.getvalue()


FORMATS: dict[str, tuple[Callable[..., Iterator[str]], str]] = {
    "JSON": (_json, "application/json"),
    "JSON_MIN": (_json_min, "application/json"),
    "CSV": (_csv, "text/csv; charset=utf-8"),
}


def _listed(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    before = "["
    for record in records:
        yield before + json.dumps(record, ensure_ascii=False)
        before = ",\n"
    yield "[]" if before == "[" else "]"


def _answers(tasks: Iterator[Task]) -> Iterator[tuple[Task, dict[str, Any] | None]]:
    """Each answer with its task, newest first, skipped ones left out; None for a bare task."""
    for task in tasks:
        if not task["annotations"]:
            yield task, None
        for one in sorted(task["annotations"], key=lambda one: one["created_at"], reverse=True):
            if not one["was_cancelled"]:
                yield task, one


def _chosen(annotation: dict[str, Any]) -> str:
    return annotation["result"][0]["value"]["choices"][0]


def _about(annotation: dict[str, Any] | None) -> dict[str, Any]:
    if annotation is None:
        return dict.fromkeys(SAID_OF_ANNOTATIONS)
    return {
        "annotator": annotation["completed_by"],
        "annotation_id": annotation["id"],
        "created_at": annotation["created_at"],
        "updated_at": annotation["updated_at"],
        "lead_time": annotation["lead_time"],
    }


def _cell(value: Any) -> Any:
    is_nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if is_nested else value


class _Keys(Func):
    function = "jsonb_object_keys"
    output_field = TextField()
    set_returning = True


def _data_columns(campaign: Campaign) -> set[str]:
    """Every key of the tasks' data, asked of the database in one pass."""
    came = LabelStudioTask.objects.filter(turn__campaign=campaign)
    columns = set(came.annotate(key=_Keys("data")).values_list("key", flat=True).distinct())
    if turns_of(campaign).filter(label_studio=None).exists():
        columns |= set(data_columns(config_of(campaign)[0]))
    return columns

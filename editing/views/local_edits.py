"""The page of one local edit, and how edits look in lists."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from editing.models import Component, Edit
from editing.shown import with_urls

LATELY = 12
# The order to read measurements in, which an object in the database does not keep.
ORDER = (
    *("at_strength", "changed_inside", "roir", "ssim_outside", "identity"),
    *("yaw_before", "yaw_turned", "yaw_shift", "light_before", "light_shift"),
)
MEANINGS = {
    "at_strength": "the strongest frame, of which this table tells",
    "changed_inside": "how much the region changed, root mean square; pictures run from -1 to 1",
    "roir": "change outside over change inside: below 1, the region changes more than all the rest",
    "ssim_outside": "how alike all but the region looks; 1 is the same",
    "identity": "how alike the person is, by the identity probe; 1 is the same",
    "yaw_before": "degrees, by the yaw probe; above 0 the nose points to your right",
    "yaw_turned": "degrees by which the head was turned first",
    "yaw_shift": "degrees by which the edit turned the head, which it should not",
    "light_before": "from -1, lit from the left, to 1, from the right",
    "light_shift": "how far the edit moved the light on that scale, which it should not",
    "reference": "the face that the edit leads to",
    "reference_strength": "the strength at which all of the difference is made up",
    "reference_rows": "directions of the region that took part",
}
# Names of measurements that are no words.
SHORT = {"roir": "ROIR", "ssim": "SSIM", "lpips": "LPIPS"}


def shown_edits(edits: Any) -> list[Any]:
    """The newest of these edits, each with the address of its strip once there is one."""
    rows = list(edits.select_related("component__decomposition").order_by("-id")[:LATELY])
    for edit in rows:
        edit.strip_url = with_urls(edit).get("strip_url")
        edit.api_url = reverse("api-edit", args=[edit.id])
    return rows


def local_edit_page(request: HttpRequest, edit: Edit) -> HttpResponse:
    """The page of one local edit; views.directions.edit_page has let its reader in."""
    context: dict[str, Any] = {
        "edit": edit,
        "url": reverse("api-edit", args=[edit.id]),
        "said": settings_in_words(edit),
        "others": composed_with(edit),
        # The same request for another face: the page adds its number.
        "again": json.dumps(
            {
                "kind": "local",
                "component": edit.component_id,
                "strengths": edit.strengths,
                "settings": edit.settings,
            }
        ),
    }
    if edit.status == "done":
        result = with_urls(edit)
        strengths = [frame["strength"] for frame in result["frames"]]
        context |= {
            "result": result,
            "start": min(range(len(strengths)), key=lambda index: abs(strengths[index])),
            "figures": figures_of(result["frames"]),
            "measured": figures_in(result.get("measured", {})),
        }
    return render(request, "editing/local/edit.html", context)


def settings_in_words(edit: Edit) -> list[str]:
    """How an edit was made, as far as it is known: what nobody said, its worker tells."""
    told = edit.result.get("settings") or edit.settings
    words = []
    if form := told.get("form"):
        words.append(form)
    if interval := told.get("interval"):
        words.append(f"pushed between timesteps {interval[0]} and {interval[1]}")
    if told.get("hold_outside"):
        words.append("what lies outside held")
    if told.get("adapt"):
        words.append("directions fitted to the face first")
    return words


def composed_with(edit: Edit) -> list[dict[str, Any]]:
    """The other steps of an edit, each with the name and the page of its direction."""
    steps = edit.settings.get("compose", [])
    ids = [step["component"] for step in steps if "component" in step]
    rows = Component.objects.in_bulk(ids)
    told = []
    for step in steps:
        if "direction" in step:
            page = reverse("direction", args=[step["direction"]])
            by = f"{step['degrees']:+g}°, first"
            told.append({"name": f"direction {step['direction']}", "page": page, "by": by})
        else:
            row = rows.get(step["component"])
            page = row and reverse("decomposition", args=[row.decomposition_id])
            name = row.name or f"{row.region or 'face'} {row.index + 1}" if row else "a direction"
            told.append({"name": name, "page": page, "by": f"{step['strength']:+g}"})
    return told


def figures_of(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers that frames have, as the columns and rows of a table."""
    found = {
        name
        for frame in frames
        for name, value in frame.items()
        if _is_number(value) and name != "strength"
    }
    names = sorted(found, key=_place)
    rows = [(frame, [frame.get(name) for name in names]) for frame in frames]
    return {"names": [named(name) for name in names], "rows": rows}


def figures_in(measured: dict[str, Any], before: str = "") -> list[tuple[str, str, str]]:
    """A nested result: the words of each value's path, what they mean, and the value's text."""
    told = []
    for name, value in sorted(measured.items(), key=lambda item: _place(item[0])):
        words = f"{before} {named(name)}".strip()
        meaning = "" if before else MEANINGS.get(name, "")
        if isinstance(value, dict):
            told += figures_in(value, words)
        elif _is_number(value):
            told.append((words, meaning, f"{value:.4g}"))
        elif isinstance(value, str) and value:
            told.append((words, meaning, value))
    return told


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def named(name: str) -> str:
    """A key as people read it: ssim_outside is "SSIM outside"."""
    first, *rest = name.split("_")
    return " ".join([SHORT.get(first, first), *rest])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

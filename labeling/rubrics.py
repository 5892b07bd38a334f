"""The guide of a campaign: what each answer means, built in or in its managers' own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from labeling import acts
from labeling.errors import Conflict, Refused
from labeling.models import (
    UNSURE,
    Adjudication,
    Campaign,
    Consensus,
    Face,
    RubricReading,
    User,
    Vote,
)

LIGHT = ["left", "center", "right"]
MOST_TEXT, MOST_NOTES, MOST_FACES = 1000, 4000, 8

UNSURE_TEXT = "A good answer whenever the picture does not show it: please do not guess."
LIGHT_TEXTS = {
    "left": (
        "The light comes from the left of the picture. The cheek at your left is brighter, "
        "and the nose throws its shadow to your right."
    ),
    "center": (
        "The light comes from the front or from above. Both cheeks are about equally bright, "
        "and the nose's shadow falls straight down or nowhere."
    ),
    "right": (
        "The light comes from the right of the picture. The cheek at your right is brighter, "
        "and the nose throws its shadow to your left."
    ),
    UNSURE: (
        "The face is too dark or too pale, hidden, or lit from both sides alike. This is a good "
        "answer, not a failure: please do not guess."
    ),
}


@dataclass(frozen=True)
class Rubric:
    """What managers wrote for a campaign; whatever they left empty is the built-in guide's.

    version  grows with every change, so that people can be told of it
    texts    by choice, "unsure" among them
    faces    ids of example faces, by choice
    """

    version: int
    notes: str
    texts: Mapping[str, str]
    faces: Mapping[str, list[int]]


def is_about_light(campaign: Campaign) -> bool:
    """Whether the built-in guide fits: it tells of left, center and right, in this order."""
    return campaign.values == LIGHT and campaign.is_about_light


def read_rubric(campaign: Campaign) -> Rubric:
    """The campaign's own part of its guide."""
    stored = campaign.rubric
    choices = stored.get("choices", {})
    return Rubric(
        version=stored.get("version", 0),
        notes=stored.get("notes", ""),
        texts={value: one["text"] for value, one in choices.items() if one.get("text")},
        faces={value: one["faces"] for value, one in choices.items() if one.get("faces")},
    )


def built_in_text(campaign: Campaign, value: str) -> str:
    """What the guide says of a choice that no manager has written about."""
    if is_about_light(campaign):
        return LIGHT_TEXTS[value]
    return UNSURE_TEXT if value == UNSURE else ""


def text_of(campaign: Campaign, value: str) -> str:
    """What the campaign's guide says of a choice."""
    return read_rubric(campaign).texts.get(value) or built_in_text(campaign, value)


def asked_about(campaign: Campaign) -> QuerySet[Face]:
    """The faces that annotators of a campaign may see; flipped copies, of like names, left out."""
    return Face.objects.filter(dataset=campaign.dataset_id, turns__campaign=campaign)


def named_faces(campaign: Campaign, filenames: list[str]) -> dict[int, str]:
    """Those of these file names that the campaign asks about, by id, in the order of the ids."""
    rows = asked_about(campaign).filter(filename__in=filenames).order_by("id")
    return dict(rows.values_list("id", "filename"))


def find_faces(campaign: Campaign, filenames: list[str]) -> list[int]:
    """Ids of faces that the campaign asks about, by file name, in the order given.

    raises  Refused, quoting the names that are not among them
    """
    if len(filenames) > MOST_FACES:
        raise Refused(
            "too_many_faces", f"{len(filenames)} example faces came; expected at most {MOST_FACES}."
        )
    found = {name: face for face, name in named_faces(campaign, filenames).items()}
    if missing := [name for name in filenames if name not in found]:
        some = asked_about(campaign).order_by("filename").values_list("filename", flat=True).first()
        names = ", ".join(repr(name) for name in missing[:3])
        raise Refused(
            "unknown_face",
            f"there is no face {names} in this campaign; expected file names like {some!r}, "
            "one per line.",
        )
    return list(dict.fromkeys(found[name] for name in filenames))


def faces_shown(campaign: Campaign, rubric: Rubric) -> dict[int, str]:
    """File names of a rubric's example faces, by id; one that is gone is left out."""
    ids = [face for faces in rubric.faces.values() for face in faces]
    return dict(asked_about(campaign).filter(id__in=ids).values_list("id", "filename"))


def suggested_faces(campaign: Campaign, value: str, *, most: int = 6) -> dict[int, str]:
    """Faces that show a choice well, by id with their file names: settled ones, then sure ones."""
    settled = Adjudication.objects.filter(campaign=campaign, choice=value).order_by("-id")
    sure = Consensus.objects.filter(
        campaign=campaign, choice=value, source=Consensus.Source.HUMAN
    ).order_by("-probability", "-n_votes", "id")
    found: dict[int, str] = {}
    for rows in (settled, sure):
        found |= dict(rows.values_list("face_id", "face__filename")[: most - len(found)])
    return found


def built_in(version: int) -> Rubric:
    """A rubric in which no manager has written anything."""
    return Rubric(version, "", {}, {})


def draft(
    campaign: Campaign, notes: str, choices: Mapping[str, tuple[str, list[str]]], *, version: int
) -> Rubric:
    """A rubric as a manager wrote it: choices are {value: (text, file names)}; nothing is stored.

    raises  Refused for text that is too long, an unknown choice or an unknown face
    """
    unknown = set(choices) - {*campaign.values, UNSURE}
    if unknown:
        raise Refused("unknown_choice", f"{sorted(unknown)} came; expected {campaign.values}.")
    labels = {choice["value"]: choice["label"] for choice in campaign.choices}
    texts, faces = {}, {}
    for value, (text, filenames) in choices.items():
        try:
            text = _tidy(text, MOST_TEXT)
            found = find_faces(campaign, [name.strip() for name in filenames if name.strip()])
        except Refused as refused:
            where = labels.get(value, "Can't tell")
            raise Refused(refused.code, f"{where}: {refused.detail}") from None
        # Unchanged words stay the built-in ones, and grow better with them.
        if text and text != built_in_text(campaign, value):
            texts[value] = text
        if found:
            faces[value] = found
    return Rubric(version, _tidy(notes, MOST_NOTES), texts, faces)


def _tidy(text: str, most: int) -> str:
    text = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    if len(text) > most:
        raise Refused("too_long", f"{len(text)} characters came; expected at most {most}.")
    return text


def change(campaign: Campaign, rubric: Rubric, *, by: User) -> bool:
    """Store a rubric that was drafted from the present one; False when it says nothing new.

    raises  Conflict when somebody else has changed the guide since `rubric.version`
    """
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(id=campaign.id)
        now = read_rubric(row)
        if now.version != rubric.version:
            raise Conflict(
                "guide_changed",
                f"Somebody else has changed the guide meanwhile: yours was made from version "
                f"{rubric.version}, now there is {now.version}. Storing yours again replaces it.",
            )
        if now == rubric:
            return False
        row.rubric = campaign.rubric = _stored(rubric, version=now.version + 1)
        row.save(update_fields=["rubric"])
        changed = [
            name
            for name in ("notes", "texts", "faces")
            if getattr(now, name) != getattr(rubric, name)
        ]
        acts.record(
            by,
            "rubric.change",
            campaign.slug,
            campaign=campaign,
            version=now.version + 1,
            changed=changed,
            rubric=row.rubric,
        )
    return True


def _stored(rubric: Rubric, *, version: int) -> dict[str, Any]:
    values = sorted({*rubric.texts, *rubric.faces})
    return {
        "version": version,
        "notes": rubric.notes,
        "choices": {
            value: {"text": rubric.texts.get(value, ""), "faces": rubric.faces.get(value, [])}
            for value in values
        },
    }


def confirm(campaign: Campaign, reader: User) -> None:
    """Note that this person has read the guide as it is now."""
    RubricReading.objects.update_or_create(
        campaign=campaign,
        annotator=reader,
        defaults={"version": read_rubric(campaign).version},
    )


def version_read(campaign: Campaign, reader: User) -> int | None:
    """The version of the guide this person has confirmed; None for somebody quite new here."""
    reading = RubricReading.objects.filter(campaign=campaign, annotator=reader).first()
    if reading:
        return reading.version
    # Whoever votes by the API or came by an import of an older campaign has begun without it.
    has_voted = Vote.objects.filter(annotator=reader, turn__campaign=campaign).exists()
    return 0 if has_voted else None

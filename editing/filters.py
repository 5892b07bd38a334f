"""A face filter: query string <-> frozen dataclass <-> queryset, keyed as in the REST contract."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.lookups import Exact

from labeling.errors import Refused
from labeling.models import Campaign, Consensus, Dataset, Face, Release, ReleasedLabel

SPLITS = {"train": 0, "validation": 1, "test": 2}
YAW_LIMIT = 180.0


def refuse(sentence: str) -> Refused:
    return Refused("invalid_filter", sentence)


@dataclass(frozen=True)
class FaceFilter:
    """Which faces are meant; an empty filter means every face.

    dataset        a dataset's name; needed for work on one dataset where several are imported
    campaign       whose consensus is meant; may be left out where the dataset has one campaign
    consensus      choices, any of them; of the release when one is named, else of the campaign
    certainty_min  smallest probability of that choice, 0..1
    attributes     all of them: "Male" must be there, "-Eyeglasses" must not
    yaw_min        degrees, included; > 0 = the nose points to the viewer's right
    yaw_max        degrees, not included, so that neighbouring bins never share a face
    identity       any of these people
    split          any of train, validation, test
    release        id of a release: only faces it labels
    """

    dataset: str = ""
    campaign: str = ""
    consensus: tuple[str, ...] = ()
    certainty_min: float | None = None
    attributes: tuple[str, ...] = ()
    yaw_min: float | None = None
    yaw_max: float | None = None
    identity: tuple[int, ...] = ()
    split: tuple[str, ...] = ()
    release: int | None = None

    @classmethod
    def parse(cls, given: str | Mapping[str, Any] | None) -> "FaceFilter":
        """The filter of a query string, of a QueryDict, or of a JSON object with the same keys.

        An empty value is a key left out, as forms send it.
        raises  Refused("invalid_filter") for an unknown or repeated key, or a value out of place
        """
        values: dict[str, str] = {}
        for key, text in _pairs(given):
            if key not in KEYS:
                raise refuse(f"The filter has no key {key!r}; it knows {', '.join(KEYS)}.")
            if key in values:
                raise refuse(f"{key} came twice; several values are written {key}=A,B.")
            if "\0" in text:
                raise refuse(f"{key} is {text!r}; no text of ours holds that character.")
            values[key] = text
        parsed = {key: _READERS[key](key, text) for key, text in values.items() if text}
        face_filter = cls(**parsed)
        low, high = face_filter.yaw_min, face_filter.yaw_max
        if low is not None and high is not None and low >= high:
            raise refuse(f"yaw_min={low:g} is not below yaw_max={high:g}: no face can pass.")
        return face_filter

    def of_release(self, release: int | None) -> "FaceFilter":
        """This filter within a release; refused where it already names another one."""
        if release is None or release == self.release:
            return self
        if self.release is not None:
            raise refuse(f"The filter names release={self.release}, the request {release}.")
        return replace(self, release=release)

    def to_query(self) -> str:
        """The query string that parses to this filter again, keys in a fixed order."""
        return urlencode(self.as_pairs(), safe=",")

    def as_pairs(self) -> list[tuple[str, str]]:
        """The keys that say something, each with its text."""
        pairs = []
        for key in KEYS:
            value = getattr(self, key)
            if isinstance(value, tuple):
                value = ",".join(map(str, value))
            if value not in (None, ""):
                pairs.append((key, f"{value:.12g}" if isinstance(value, float) else str(value)))
        return pairs

    def datasets(self) -> list[Dataset]:
        """The datasets that the filter speaks of: one where it names one in any way, else all."""
        named = {}
        if self.dataset:
            named[f"dataset={self.dataset}"] = _one(Dataset, "name", self.dataset)
        if self.campaign:
            named[f"campaign={self.campaign}"] = self._campaign_named().dataset
        if self.release:
            named[f"release={self.release}"] = self._release().campaign.dataset
        if len({dataset.id for dataset in named.values()}) > 1:
            told = " and ".join(f"{key} ({dataset.name})" for key, dataset in named.items())
            raise refuse(f"The filter names two datasets: {told}.")
        return list(named.values())[:1] or list(Dataset.objects.here().order_by("id"))

    def one_dataset(self) -> Dataset:
        """The dataset that the filter speaks of; refused where that could be several or none."""
        datasets = self.datasets()
        if not datasets:
            raise refuse("No dataset has been imported yet; start with manage.py import_faces.")
        if len(datasets) > 1:
            names = ", ".join(dataset.name for dataset in datasets)
            raise refuse(f"The filter names no dataset, and there are several: {names}.")
        return datasets[0]

    def labels_campaign(self) -> Campaign | None:
        """The campaign whose answers count: the named one, the release's, or the only one."""
        if self.release:
            campaign = self._release().campaign
            if self.campaign not in ("", campaign.slug):
                raise refuse(
                    f"release={self.release} is of campaign {campaign.slug!r}, "
                    f"not of campaign={self.campaign}."
                )
            return campaign
        if self.campaign:
            return self._campaign_named()
        campaigns = list(Campaign.objects.filter(dataset__in=self.datasets())[:2])
        return campaigns[0] if len(campaigns) == 1 else None

    def faces(self) -> QuerySet[Face]:
        """The faces that pass, in no particular order."""
        faces = Face.objects.filter(dataset__in=self.datasets())
        if self.yaw_min is not None:
            faces = faces.filter(yaw_degrees__gte=self.yaw_min)
        if self.yaw_max is not None:
            faces = faces.filter(yaw_degrees__lt=self.yaw_max)
        if self.identity:
            faces = faces.filter(identity__in=self.identity)
        if self.split:
            faces = faces.filter(split__in=[SPLITS[name] for name in self.split])
        if self.attributes:
            faces = self._with_attributes(faces)
        return self._with_labels(faces)

    def _with_attributes(self, faces: QuerySet[Face]) -> QuerySet[Face]:
        passing = Q()
        for dataset in self.datasets():
            wanted, named = 0, 0
            for text in self.attributes:
                bit = 1 << _position(text.removeprefix("-"), dataset)
                named |= bit
                wanted |= 0 if text.startswith("-") else bit
            # A face without attributes has null there, which equals nothing: it never passes.
            passing |= Q(Exact(F("attributes").bitand(named), wanted), dataset=dataset)
        return faces.filter(passing)

    def _with_labels(self, faces: QuerySet[Face]) -> QuerySet[Face]:
        if self.release:
            labels = ReleasedLabel.objects.filter(release_id=self.release)
        elif self.consensus or self.certainty_min is not None:
            campaign = self.labels_campaign()
            if campaign is None:
                raise refuse(
                    "consensus and certainty_min need a campaign: "
                    f"name one of {_listed(Campaign, 'slug')}."
                )
            labels = Consensus.objects.filter(campaign=campaign)
        else:
            return faces
        if self.consensus:
            campaign = self.labels_campaign()
            if unknown := [value for value in self.consensus if value not in campaign.values]:
                raise refuse(
                    f"consensus={unknown[0]} is no choice of campaign {campaign.slug!r}; "
                    f"its choices are {', '.join(campaign.values)}."
                )
            labels = labels.filter(choice__in=self.consensus)
        if self.certainty_min is not None:
            labels = labels.filter(probability__gte=self.certainty_min)
        return faces.filter(Exists(labels.filter(face=OuterRef("pk"))))

    def _campaign_named(self) -> Campaign:
        return _one(Campaign, "slug", self.campaign)

    def _release(self) -> Release:
        finished = Release.objects.select_related("campaign__dataset").filter(status="done")
        if not (release := finished.filter(id=self.release).first()):
            raise refuse(f"release={self.release} is no finished release.")
        return release


def _pairs(given: str | Mapping[str, Any] | None) -> Iterable[tuple[str, str]]:
    if not given:
        return
    if isinstance(given, str):
        yield from parse_qsl(given.removeprefix("?"), keep_blank_values=True)
    elif hasattr(given, "lists"):
        yield from ((key, text.strip()) for key, texts in given.lists() for text in texts)
    elif isinstance(given, Mapping):
        for key, value in given.items():
            parts = value if isinstance(value, list) else [] if value is None else [value]
            if any(
                isinstance(part, bool) or not isinstance(part, str | int | float) for part in parts
            ):
                raise refuse(f"{key} is {value!r}; expected text, a number, or a list of those.")
            yield str(key), ",".join(map(str, parts))
    else:
        raise refuse(f"The filter is {given!r}; expected a query string or an object.")


def _text(key: str, text: str) -> str:
    return text


def _texts(key: str, text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _number(key: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    low, high = (0.0, 1.0) if key == "certainty_min" else (-YAW_LIMIT, YAW_LIMIT)
    if not low <= number <= high:
        raise refuse(f"{key} is {text!r}; expected a number from {low:g} to {high:g}.")
    return number


def _whole(key: str, text: str) -> int:
    # Nine digits keep within PostgreSQL's integer whatever was typed.
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise refuse(f"{key} is {text!r}; expected a whole number.")
    return int(text)


def _wholes(key: str, text: str) -> tuple[int, ...]:
    return tuple(_whole(key, part) for part in _texts(key, text))


def _splits(key: str, text: str) -> tuple[str, ...]:
    names = list(SPLITS)
    parts = [names[int(part)] if part in ("0", "1", "2") else part for part in _texts(key, text)]
    if unknown := [part for part in parts if part not in SPLITS]:
        raise refuse(f"split is {unknown[0]!r}; expected some of {', '.join(names)} (or 0, 1, 2).")
    return tuple(dict.fromkeys(parts))


def _signed(key: str, text: str) -> tuple[str, ...]:
    parts = _texts(key, text)
    for part in parts:
        if f"-{part}" in parts:
            raise refuse(f"attributes asks for {part} and -{part} at once: no face can pass.")
    return parts


_READERS = {
    "dataset": _text,
    "campaign": _text,
    "consensus": _texts,
    "certainty_min": _number,
    "attributes": _signed,
    "yaw_min": _number,
    "yaw_max": _number,
    "identity": _wholes,
    "split": _splits,
    "release": _whole,
}
KEYS = tuple(field.name for field in fields(FaceFilter))


def _position(name: str, dataset: Dataset) -> int:
    try:
        return dataset.attribute_names.index(name)
    except ValueError:
        known = ", ".join(dataset.attribute_names) or "none: its attribute table is missing"
        raise refuse(
            f"Attribute {name!r} is unknown in dataset {dataset.name!r}; it knows {known}."
        ) from None


def _one(model: type, field: str, value: str) -> Any:
    if not (found := model.objects.filter(**{field: value}).first()):
        kind = model.__name__.lower()
        raise refuse(f"There is no {kind} {value!r}; there is {_listed(model, field)}.")
    return found


def _listed(model: type, field: str) -> str:
    return ", ".join(model.objects.order_by(field).values_list(field, flat=True)[:20]) or "none yet"

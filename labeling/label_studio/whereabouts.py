"""Which of our faces the images of imported tasks are; nothing that came is ever fetched."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from django.db.models import QuerySet
from django.urls import reverse

from labeling.label_studio.errors import Invalid
from labeling.models import Dataset, Face

LOCAL_FILES = "/data/local-files/"
CHUNK = 5000
SHOWN = 3


@dataclass(frozen=True)
class Whereabouts:
    """The dataset that all images are in, and the face that each one is.

    dataset  None: the images are elsewhere, and `faces` is empty
    """

    dataset: Dataset | None
    faces: dict[str, int]


def find(images: Sequence[str], host: str, dataset: Dataset | None) -> Whereabouts:
    """All of these images in one dataset, or all elsewhere.

    images   what stands in the tasks' data, each once
    host     ours: an address on another one is elsewhere
    dataset  the only one that may be meant, once a project has one; None: any
    raises   Invalid for a mix, for images that two datasets have, or for a face that isn't there
    """
    ours = _ours()
    addresses = _read(images, host, {one.name for one in ours})
    sure = _faces_named_by_id(addresses.by_id) | _faces_named_by_file(addresses.by_file)
    found = {
        one.id: _faces_named(addresses.by_name, one) for one in ([dataset] if dataset else ours)
    }
    for image, face in sure.items():
        found.setdefault(face.dataset_id, {})[image] = face.id
    whole = [one for one in ours if len(found.get(one.id, {})) == len(images)]
    if dataset:
        whole = [one for one in whole if one == dataset]
    if len(whole) > 1:
        names = sorted(one.name for one in whole)
        example = f"{LOCAL_FILES}?d={names[0]}/{images[0]}"
        detail = f"The datasets {names} all have images of these names; say which: {example!r}."
        raise Invalid("data", detail)
    if whole:
        return Whereabouts(whole[0], found[whole[0].id])
    if dataset:
        raise _mix(images, found[dataset.id], dataset.name)
    if any(found.values()):
        best = max(ours, key=lambda one: len(found.get(one.id, {})))
        raise _mix(images, found[best.id], best.name)
    return Whereabouts(None, {})


def refuse_ours(images: Sequence[str], host: str) -> None:
    """Raise Invalid for addresses of our own faces, where a project's images are elsewhere."""
    addresses = _read(images, host, {one.name for one in _ours()})
    if ours := [*addresses.by_id, *addresses.by_file][:SHOWN]:
        detail = f"{ours} are images of ours; this project's earlier ones are all elsewhere."
        raise Invalid("data", detail)


def _ours() -> list[Dataset]:
    """The datasets whose images we have, hidden ones left out."""
    return list(Dataset.objects.here().order_by("id"))


@dataclass(frozen=True)
class _Addresses:
    """What each image says: a face's number, a dataset and a file, or only a name."""

    by_id: dict[str, int]
    by_file: dict[str, tuple[str, str]]
    by_name: list[str]


def _read(images: Sequence[str], host: str, datasets: set[str]) -> _Addresses:
    read = _Addresses({}, {}, [])
    before, after = (re.escape(part) for part in reverse("face-image", args=[0]).split("0"))
    face_address = re.compile(rf"{before}(\d{{1,18}}){after}")
    for image in images:
        try:
            parts = urlsplit(image)
        except ValueError:  # a port or a bracket that is none
            read.by_name.append(image)
            continue
        is_ours = parts.netloc in ("", host) and parts.scheme in ("", "http", "https")
        if is_ours and (face := face_address.fullmatch(parts.path)):
            read.by_id[image] = int(face[1])
            continue
        named = parse_qs(parts.query).get("d", [""])[0] if parts.path == LOCAL_FILES else ""
        dataset, _, file = named.lstrip("/").partition("/")
        if is_ours and dataset in datasets and file:
            read.by_file[image] = (dataset, file)
        else:
            read.by_name.append(image)
    return read


def _faces_named_by_id(images: dict[str, int]) -> dict[str, Face]:
    there: dict[int, Face] = {}
    for ids in _chunks(sorted(set(images.values()))):
        there |= _visible().in_bulk(ids)
    for image, face_id in images.items():
        if face_id not in there:
            raise Invalid("data", f"The image {image!r} is no face of ours.")
    return {image: there[face_id] for image, face_id in images.items()}


def _faces_named_by_file(images: dict[str, tuple[str, str]]) -> dict[str, Face]:
    there: dict[tuple[str, str], Face] = {}
    for dataset in {dataset for dataset, _ in images.values()}:
        files = [file for name, file in images.values() if name == dataset]
        for names in _chunks(files):
            faces = _visible().filter(dataset__name=dataset, filename__in=names)
            there |= {(dataset, face.filename): face for face in faces}
    for image, (dataset, file) in images.items():
        if (dataset, file) not in there:
            raise Invalid("data", f"The image is {image!r}; {dataset!r} has no {file!r}.")
    return {image: there[named] for image, named in images.items()}


def _faces_named(images: Sequence[str], dataset: Dataset) -> dict[str, int]:
    named: dict[str, int] = {}
    for names in _chunks(images):
        rows = Face.objects.filter(dataset=dataset, filename__in=names)
        named |= dict(rows.values_list("filename", "id"))
    return named


def _visible() -> QuerySet[Face]:
    return Face.objects.filter(dataset__in=_ours()).only("id", "dataset_id", "filename")


def _chunks(rows: Sequence) -> Iterator[Sequence]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _mix(images: Sequence[str], faces: dict[str, int], dataset: str) -> Invalid:
    inside = [image for image in images if image in faces][:SHOWN]
    outside = [image for image in images if image not in faces][:SHOWN]
    which = f"{outside} are not in {dataset!r}"
    if inside:
        which = f"{inside} are images of {dataset!r}, {outside} are not"
    return Invalid(
        "data", f"{which}; expected all images in one dataset of ours, or all elsewhere."
    )

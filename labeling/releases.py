"""Write a release: fix its labels, then files that anybody can check against their hashes.

The labels are fixed by one statement before the first file is written, and the votes are those up
to the moment of asking; so a worker that dies and another that goes on write the same bytes.
"""

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.crypto import salted_hmac

from labeling.errors import Refused
from labeling.models import Consensus, Release, ReleasedLabel, Vote
from labeling.released import MANIFEST, folder_of
from labeling.worker import Progress

FORMAT = "penumbra-release/1"
CHUNK = 5000

Writer = Callable[[IO[str], Release], None]


def write(release: Release, progress: Progress) -> None:
    """Fix a release's labels and write its files; a second call finds it done or goes on."""
    progress(0.05, "fixing labels")
    if not release.labels.exists():
        fix_labels(release)
    n_labels = release.labels.count()
    if not n_labels:
        wanted = " or ".join(release.request.get("include", ["human", "model"]))
        raise Refused(
            "nothing_to_release",
            f"Campaign {release.campaign.slug!r} has no {wanted} label that passes.",
        )
    folder = folder_of(release)
    unfinished = folder.with_name(f".{folder.name}.{release.attempt}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files = []
    for number, (name, writer) in enumerate(FILES.items()):
        progress(0.1 + 0.8 * number / len(FILES), f"writing {name}")
        files.append(_write_file(unfinished / name, writer, release))
    manifest = describe(release, n_labels, files)
    _write_text(unfinished / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    # Left by an attempt that died after its rename; it holds the same bytes.
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    progress.ours.update(manifest=manifest, n_labels=n_labels)


def fix_labels(release: Release) -> None:
    """Copy what is believed now into the release, in one statement and so of one moment."""
    asked = release.request
    believed = Q(campaign=release.campaign, source__in=asked.get("include", ["human", "model"]))
    if (max_error := asked.get("max_error")) is not None:
        believed &= Q(source=Consensus.Source.HUMAN) | Q(probability__gte=1 - max_error)
    columns = ["face_id", "choice", "probability", "probabilities", "source", "n_votes"]
    rows = Consensus.objects.filter(believed).order_by("face_id").values_list(*columns)
    query, parameters = rows.query.sql_with_params()
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO labeling_releasedlabel (release_id, {names}) "  # noqa: S608 our columns
            f"SELECT %s, believed.* FROM ({query}) AS believed",
            [release.id, *parameters],
        )


def describe(release: Release, n_labels: int, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The manifest: what the release holds, where it comes from, and what it does not promise."""
    campaign, dataset = release.campaign, release.campaign.dataset
    counts = Counter(release.labels.values_list("choice", "source"))
    voters = Counter(votes_of(release).values_list("source", flat=True))
    newest = campaign.classifiers.filter(created_at__lte=release.created_at)
    classifier = newest.order_by("-version").first()
    return {
        "format": FORMAT,
        "campaign": {
            "slug": campaign.slug,
            "title": campaign.title,
            "prompt": campaign.prompt,
            "choices": campaign.choices,
        },
        "dataset": {
            "name": dataset.name,
            "n_faces": dataset.n_faces,
            "is_rendered": dataset.is_rendered,
        },
        "number": release.number,
        "created_at": release.created_at.isoformat(),
        "request": release.request,
        "n_labels": n_labels,
        "counts": {
            value: {source: counts[value, source] for source in Consensus.Source.values}
            for value in campaign.values
        },
        "n_votes": sum(voters.values()),
        "votes_by_source": dict(sorted(voters.items())),
        "classifier": classifier
        and {
            "version": classifier.version,
            "feature_version": classifier.feature_version,
            "card": classifier.card,
        },
        "certificate": {
            "certified": False,
            "reason": "No face of this campaign has been audited, so no error rate is promised. "
            "Probabilities are the consensus' own.",
        },
        "files": files,
    }


def votes_of(release: Release) -> QuerySet[Vote]:
    """The votes that stood when the release was asked for."""
    then = release.created_at
    cast = Vote.objects.filter(
        turn__campaign=release.campaign, choice__isnull=False, created_at__lte=then
    )
    return cast.exclude(withdrawal__created_at__lte=then)


def labels_of(release: Release) -> Iterator[ReleasedLabel]:
    """A release's labels with their faces, by file name; few in memory at a time."""
    rows = release.labels.select_related("face").order_by("face__filename")
    return rows.iterator(chunk_size=CHUNK)


def write_csv(file: IO[str], release: Release) -> None:
    values = release.campaign.values
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["file", "choice", "probability", *(f"p_{v}" for v in values), "source", "votes"])
    for label in labels_of(release):
        each = (f"{p:.6f}" for p in label.probabilities)
        out.writerow(
            [
                *(label.face.filename, label.choice, f"{label.probability:.6f}", *each),
                *(label.source, label.n_votes),
            ]
        )


def write_jsonl(file: IO[str], release: Release) -> None:
    values = release.campaign.values
    for label in labels_of(release):
        row = {
            "file": label.face.filename,
            "choice": label.choice,
            "probability": round(label.probability, 6),
            "probabilities": {
                value: round(p, 6) for value, p in zip(values, label.probabilities, strict=True)
            },
            "source": label.source,
            "votes": label.n_votes,
        }
        file.write(json.dumps(row) + "\n")


def write_celeba(file: IO[str], release: Release) -> None:
    """As CelebA's attribute table: count, names, one padded row of 1 and -1 per face, CR LF."""
    values = release.campaign.values
    file.write(f"{release.labels.count()}\r\n{' '.join(values)} \r\n")
    for label in labels_of(release):
        first, *rest = (1 if value == label.choice else -1 for value in values)
        padded = "".join(f"{sign:3d}" for sign in rest)
        file.write(f"{label.face.filename} {first}{padded}\r\n")


def write_votes(file: IO[str], release: Release) -> None:
    """Every vote that stood; annotators by names that mean nothing outside this release."""
    votes = votes_of(release)
    pseudonym = _pseudonyms(release, votes)
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["file", "annotator", "choice", "seconds", "suggestion_shown", "source"])
    rows = votes.annotate(file=F("turn__face__filename")).order_by("file", "id")
    for vote in rows.iterator(chunk_size=CHUNK):
        seconds = "" if vote.seconds is None else f"{vote.seconds:.2f}"
        shown = "yes" if vote.suggestion_shown else "no"
        out.writerow(
            [vote.file, pseudonym[vote.annotator_id], vote.choice, seconds, shown, vote.source]
        )


def _pseudonyms(release: Release, votes: QuerySet[Vote]) -> dict[int, str]:
    """a001, a002, ...: the order is keyed by our secret, so it tells nobody who joined first."""
    people = votes.values_list("annotator_id", flat=True).distinct()
    keyed = sorted(people, key=lambda i: salted_hmac("annotator", f"{release.id}/{i}").hexdigest())
    return {person: f"a{number:03d}" for number, person in enumerate(keyed, start=1)}


FILES: dict[str, Writer] = {
    "labels.csv": write_csv,
    "labels.jsonl": write_jsonl,
    "list_illumination_celeba.txt": write_celeba,
    "votes.csv": write_votes,
}


def _write_file(path: Path, writer: Writer, release: Release) -> dict[str, Any]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer(file, release)
        _keep(file)
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        _keep(file)


def _keep(file: IO[str]) -> None:
    """On disk before the row says done."""
    file.flush()
    os.fsync(file.fileno())

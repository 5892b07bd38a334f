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
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.crypto import salted_hmac

from labeling import audits, breakdowns, datasheets, mean_faces, provenance
from labeling.audited import Said
from labeling.errors import Refused
from labeling.formats import LABEL_FILES, Row
from labeling.importing.copy import copy_rows
from labeling.models import Campaign, Consensus, Release, Turn, Vote
from labeling.released import MANIFEST, folder_of
from labeling.worker import Progress

FORMAT = "penumbra-release/1"
CHUNK = 4000
COLUMNS = ("face_id", "choice", "probability", "probabilities", "source", "n_votes")


def write(release: Release, progress: Progress) -> None:
    """Fix a release's labels and write its files; a second call finds it done or goes on."""
    progress(0.05, "fixing labels")
    fix_labels(release)
    n_labels = release.labels.count()
    if not n_labels:
        wanted = " or ".join(release.request.get("include", ["human", "model"]))
        raise Refused(
            "nothing_to_release",
            f"Campaign {release.campaign.slug!r} has no {wanted} label that passes. "
            + release.certificate.get("reason", ""),
        )
    folder = folder_of(release)
    unfinished = folder.with_name(f".{folder.name}.{release.attempt}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)

    def tell(done: float) -> None:
        progress(0.1 + 0.7 * done, f"writing labels, {done:.0%}")

    paths = write_labels(release, unfinished, n_labels, tell)
    progress(0.85, "writing votes")
    paths.append(write_votes(unfinished / "votes.csv", release))
    manifest = describe(release, n_labels)

    def tell_faces(done: float) -> None:
        progress(0.9 + 0.09 * done, f"drawing mean faces, {done:.0%}")

    picture = unfinished / datasheets.PICTURE
    manifest["mean_faces"] = mean_faces.of_release(release, picture, tell_faces)
    paths += [picture] if manifest["mean_faces"] else []
    paths.append(write_datasheet(unfinished / datasheets.NAME, manifest))
    manifest["files"] = [_listed(path) for path in paths]
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    with (unfinished / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(text)
        _keep(file)
    # Left by an attempt that died after its rename; it holds the same bytes.
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    progress.ours.update(manifest=manifest, n_labels=n_labels)


def fix_labels(release: Release) -> None:
    """Copy what is believed now into the release, once; with max_error, look at the audits first.

    A look is spent with the labels it certifies or not at all: they are one transaction.
    """
    asked, campaign = release.request, release.campaign
    include = asked.get("include", ["human", "model"])
    with transaction.atomic():
        # Looks are counted under this lock: two releases at once must not both be the first.
        Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
        release.refresh_from_db(fields=["certificate"])
        if release.certificate:
            return  # another attempt has been here
        found = audits.certificate(campaign, asked, seed=release.id)
        release.certificate = {
            **found.told,
            "proportions": breakdowns.proportions(campaign, found.material),
            "record": provenance.of_release(campaign, votes_of(release)),
        }
        believed = Q(campaign=campaign, source__in=include)
        if found.material is not None and found.published is not None:
            release.certificate |= breakdowns.of_certificate(
                campaign, found.material, found.told["threshold"]
            )
            _publish_certified(release, found.published)
            believed &= Q(source=Consensus.Source.HUMAN)
        elif (max_error := asked.get("max_error")) is not None:
            believed &= Q(source=Consensus.Source.HUMAN) | Q(probability__gte=1 - max_error)
        _publish_believed(release, believed)
        release.save(update_fields=["certificate"])


def _publish_certified(release: Release, published: Said) -> None:
    """The model's labels of these faces, as they were when the audits were looked at."""
    values = release.campaign.values
    rows = (
        (release.id, face, values[best], each[best], _array(each), Consensus.Source.MODEL.value, 0)
        for face, best, each in zip(
            published.face_ids.tolist(),
            published.choice.tolist(),
            published.probabilities.tolist(),
            strict=True,
        )
    )
    with connection.cursor() as cursor:
        copy_rows(cursor, "labeling_releasedlabel", ("release_id", *COLUMNS), rows)


def _array(values: list[float]) -> str:
    """As PostgreSQL reads an array."""
    return "{" + ",".join(map(repr, values)) + "}"


def _publish_believed(release: Release, believed: Q) -> None:
    """What is believed of these faces, in one statement and so of one moment."""
    rows = Consensus.objects.filter(believed).order_by("face_id").values_list(*COLUMNS)
    query, parameters = rows.query.sql_with_params()
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        # A certified face may have got its first vote since: the model's label stays.
        cursor.execute(
            f"INSERT INTO labeling_releasedlabel (release_id, {names}) "  # noqa: S608 our columns
            f"SELECT %s, believed.* FROM ({query}) AS believed "
            "ON CONFLICT (release_id, face_id) DO NOTHING",
            [release.id, *parameters],
        )


def describe(release: Release, n_labels: int) -> dict[str, Any]:
    """The manifest: what the release holds, where it comes from, and what it does not promise."""
    campaign, dataset = release.campaign, release.campaign.dataset
    by_choice = release.labels.values("choice", "source").annotate(n=Count("id"))
    counts = Counter({(row["choice"], row["source"]): row["n"] for row in by_choice})
    by_source = votes_of(release).values_list("source").annotate(n=Count("id"))
    voters = dict(by_source.order_by("source"))
    certificate = dict(release.certificate)
    proportions = certificate.pop("proportions", None)
    record = _without_names(release, certificate.pop("record", None))
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
        "votes_by_source": voters,
        "classifier": classifier
        and {
            "version": classifier.version,
            "feature_version": classifier.feature_version,
            "card": classifier.card,
        },
        "certificate": certificate,
        "proportions": proportions,
        "record": record,
    }


def votes_of(release: Release) -> QuerySet[Vote]:
    """The votes that stood when the release was asked for and say something of a face."""
    then = release.created_at
    cast = Vote.objects.filter(
        turn__campaign=release.campaign, choice__isnull=False, created_at__lte=then
    )
    evidence = cast.exclude(turn__kind=Turn.Kind.MIRROR).exclude(is_catch=True)
    return evidence.exclude(withdrawal__created_at__lte=then)


def rows_of(release: Release) -> Iterator[list[Row]]:
    """A release's labels by file name, some thousand at a time."""
    columns = ["face__filename", "choice", "probability", "probabilities", "source", "n_votes"]
    rows = release.labels.order_by("face__filename").values_list(*columns)
    each = rows.iterator(chunk_size=CHUNK)
    while part := [Row(*row) for row in islice(each, CHUNK)]:
        yield part


def write_labels(
    release: Release, folder: Path, n_labels: int, tell: Callable[[float], None]
) -> list[Path]:
    """Write the labels in every format, reading them once; `tell` hears the fraction done."""
    files = {
        name: writer(folder / name, release.campaign, n_labels)
        for name, writer in LABEL_FILES.items()
    }
    done = 0
    for rows in rows_of(release):
        for file in files.values():
            file.add(rows)
        done += len(rows)
        tell(done / n_labels)
    for file in files.values():
        file.close()
    return [folder / name for name in files]


def write_votes(path: Path, release: Release) -> Path:
    """Every vote that stood; annotators by names that mean nothing outside this release."""
    votes = votes_of(release)
    pseudonym = _pseudonyms(release, votes)
    rows = votes.annotate(file=F("turn__face__filename")).order_by("file", "id")
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ["file", "annotator", "choice", "seconds", "suggestion_shown", "channel", "source"]
        )
        for vote in rows.iterator(chunk_size=CHUNK):
            seconds = "" if vote.seconds is None else f"{vote.seconds:.2f}"
            shown = "yes" if vote.suggestion_shown else "no"
            who = pseudonym[vote.annotator_id]
            out.writerow([vote.file, who, vote.choice, seconds, shown, vote.channel, vote.source])
        _keep(file)
    return path


def _without_names(release: Release, record: dict[str, Any] | None) -> dict[str, Any] | None:
    """The record with annotators as votes.csv names them; None for a release from before."""
    if record is None:
        return None
    pseudonym = _pseudonyms(release, votes_of(release))
    people = [
        {"annotator": pseudonym[person["id"]], **{k: v for k, v in person.items() if k != "id"}}
        for person in record["annotators"]
    ]
    return record | {"annotators": sorted(people, key=lambda person: person["annotator"])}


def write_datasheet(path: Path, manifest: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(datasheets.markdown(manifest))
        _keep(file)
    return path


def _pseudonyms(release: Release, votes: QuerySet[Vote]) -> dict[int, str]:
    """a001, a002, ...: the order is keyed by our secret, so it tells nobody who joined first."""
    people = votes.values_list("annotator_id", flat=True).distinct()
    keyed = sorted(people, key=lambda i: salted_hmac("annotator", f"{release.id}/{i}").hexdigest())
    return {person: f"a{number:03d}" for number, person in enumerate(keyed, start=1)}


def _listed(path: Path) -> dict[str, Any]:
    """A file as the manifest lists it."""
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _keep(file: IO[str]) -> None:
    """On disk before the row says done."""
    file.flush()
    os.fsync(file.fileno())

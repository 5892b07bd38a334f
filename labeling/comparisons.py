"""What changed between two releases of a campaign: labels added, removed and changed, by SQL."""

from typing import Any

from django.db import connection

from labeling.errors import Refused
from labeling.models import Release

# How far a label's probability has to move to be told of.
SHIFTS = (0.01, 0.1, 0.25)
PAGE = 60
_BOTH = """
    FROM labeling_releasedlabel older
    JOIN labeling_releasedlabel newer ON newer.face_id = older.face_id
    WHERE older.release_id = %(older)s AND newer.release_id = %(newer)s
"""


def compare(older: Release, newer: Release) -> dict[str, Any]:
    """Counts of what is in one only, in both alike, and changed from one choice to another.

    raises  Refused for releases of two campaigns, and for one that holds no labels yet
    """
    check(older, newer)
    matrix = _counts(older, newer)
    n_both = sum(n for _, _, n, *_ in matrix)
    shifts = dict.fromkeys(SHIFTS, 0)
    for said, says, _n, _, *moved in matrix:
        if said == says:
            for least, count in zip(SHIFTS, moved, strict=True):
                shifts[least] += count
    same = [(n, shift) for said, says, n, shift, *_ in matrix if said == says]
    n_same = sum(n for n, _ in same)
    return {
        "campaign": older.campaign.slug,
        "older": {"id": older.id, "number": older.number, "n_labels": older.n_labels},
        "newer": {"id": newer.id, "number": newer.number, "n_labels": newer.n_labels},
        "added": newer.n_labels - n_both,
        "removed": older.n_labels - n_both,
        "same": n_same,
        "changed": n_both - n_same,
        "from_to": [
            {"from": said, "to": says, "n": n} for said, says, n, *_ in matrix if said != says
        ],
        "kept": {said: n for said, says, n, *_ in matrix if said == says},
        "mean_shift": round(sum(shift for _, shift in same) / n_same, 6) if n_same else None,
        "shifts": [{"at_least": least, "n": n} for least, n in shifts.items()],
    }


def check(older: Release, newer: Release) -> None:
    if older.campaign_id != newer.campaign_id:
        raise Refused(
            "other_campaign",
            f"Release {older.id} is of campaign {older.campaign.slug!r} and release {newer.id} of "
            f"{newer.campaign.slug!r}; expected two of the same.",
        )
    for release in (older, newer):
        if release.status != Release.Status.DONE:
            raise Refused("not_done", f"Release {release.id} is {release.status}; expected done.")


def _counts(older: Release, newer: Release) -> list[tuple[Any, ...]]:
    """(choice before, choice now, faces, sum of shifts, faces moved by each of SHIFTS)."""
    moved = ", ".join(
        f"count(*) FILTER (WHERE abs(newer.probability - older.probability) >= {least})"
        for least in SHIFTS
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT older.choice, newer.choice, count(*),
                   sum(abs(newer.probability - older.probability)), {moved}
            {_BOTH} GROUP BY 1, 2 ORDER BY 1, 2
            """,
            {"older": older.id, "newer": newer.id},
        )
        return cursor.fetchall()


def changed_faces(
    older: Release, newer: Release, *, after: int = 0, count: int = PAGE
) -> list[dict[str, Any]]:
    """Faces whose choice changed, by their number, those after `after`."""
    check(older, newer)
    columns = ("face", "filename", "from", "to", "probability_before", "probability_now")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT face.id, face.filename, changed.* FROM (
                SELECT older.face_id, older.choice AS said, newer.choice AS says,
                       older.probability AS before, newer.probability AS now
                {_BOTH} AND older.choice <> newer.choice AND older.face_id > %(after)s
                ORDER BY older.face_id LIMIT %(count)s
            ) changed JOIN labeling_face face ON face.id = changed.face_id ORDER BY face.id
            """,  # noqa: S608 our own text
            {"older": older.id, "newer": newer.id, "after": after, "count": count},
        )
        rows = [(face, name, *rest) for face, name, _, *rest in cursor.fetchall()]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def predecessor(release: Release) -> Release | None:
    """The newest finished release of the campaign before this one."""
    before = Release.objects.filter(
        campaign=release.campaign_id, number__lt=release.number, status=Release.Status.DONE
    )
    return before.order_by("-number").first()

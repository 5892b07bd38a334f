"""[worker] Where a certificate's faces lie, and how common each choice is: tables, no promise."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from labeling.audited import UNSETTLED, Material, Said, read
from labeling.learning.proportions import share
from labeling.looks import usable_draws
from labeling.models import Campaign

# Degrees; the bins that directions are fitted with.
YAW_EDGES = (-45.0, -30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 45.0)

# From faces to what a group is told by, and whether each face (n,) is in it.
Groups = Callable[[Said], Iterable[tuple[dict[str, Any], np.ndarray]]]


def of_certificate(
    campaign: Campaign, material: Material, threshold: float | None
) -> dict[str, Any]:
    """Published faces, accepted audit faces and errors, by the model's choice and by yaw."""
    least = np.inf if threshold is None else threshold
    published = material.pool.only(material.pool.certainty >= least)
    accepts = material.audited.certainty >= least
    accepted, is_wrong = material.audited.only(accepts), material.is_wrong[accepts]

    def counts(these: np.ndarray, those: np.ndarray) -> dict[str, int]:
        return {
            "n_certified": int(these.sum()),
            "n_accepted": int(those.sum()),
            "errors": int(is_wrong[those].sum()),
        }

    by_choice = {
        value: counts(published.choice == i, accepted.choice == i)
        for i, value in enumerate(campaign.values)
    }
    in_bins = zip(_by_yaw(published), _by_yaw(accepted), strict=True)
    by_yaw = [{"yaw": limits, **counts(these, those)} for (limits, these), (_, those) in in_bins]
    return {"by_choice": by_choice, "by_yaw": [row for row in by_yaw if _says_something(row)]}


def _says_something(row: dict[str, Any]) -> bool:
    return bool(row["n_certified"] or row["n_accepted"])


def proportions(campaign: Campaign, material: Material | None = None) -> dict[str, Any] | None:
    """How common each choice is, overall, by yaw and among the faces of each attribute.

    With 95% intervals; None without audits.

    Of the faces that nobody had labeled when the audit faces were drawn, by PPI++. What people
    can't tell, or have not settled, is none of the choices: shares may add up to less than one.
    """
    if material is None:
        draws = usable_draws(campaign)
        if not draws:
            return None
        material = read(campaign, draws)
    others = [material.pool, material.taken]

    def among(groups: Groups) -> list[dict[str, Any]]:
        rows = []
        found = [groups(part) for part in [material.audited, *others]]
        for (told, own), *rest in zip(*found, strict=True):
            if own.any():
                here = [part.only(own) for part, (_, own) in zip(others, rest, strict=True)]
                shares = _shares(campaign, material.audited.only(own), material.truth[own], here)
                rows.append({**told, "n_audit": int(own.sum()), "shares": shares})
        return rows

    names = campaign.dataset.attribute_names
    return {
        "procedure": "ppi++/1",
        "confidence": 0.95,
        "n_audit": len(material.truth),
        "n_unsettled": int((material.truth == UNSETTLED).sum()),
        "n_faces": len(material.truth) + sum(len(part.face_ids) for part in others),
        "shares": _shares(campaign, material.audited, material.truth, others),
        "by_yaw": among(lambda faces: (({"yaw": at}, own) for at, own in _by_yaw(faces))),
        "by_attribute": among(lambda faces: _by_attribute(faces, names)),
    }


def _shares(
    campaign: Campaign, audited: Said, truth: np.ndarray, others: list[Said]
) -> dict[str, dict[str, float | None]]:
    # A face that the model says nothing of counts as evenly split: a fixed guess does no harm.
    even = 1 / len(campaign.values)
    said = np.nan_to_num(audited.probabilities, nan=even)
    rest = np.nan_to_num(np.concatenate([part.probabilities for part in others]), nan=even)
    return {
        value: share((truth == i).astype(float), said[:, i], rest[:, i]).told()
        for i, value in enumerate(campaign.values)
    }


def _by_yaw(faces: Said) -> Iterator[tuple[list[float | None], np.ndarray]]:
    """The limits of each bin, and whether each face (n,) lies in it; the last: yaw unknown."""
    known = ~np.isnan(faces.yaw)
    place = np.where(known, np.digitize(np.nan_to_num(faces.yaw), YAW_EDGES), -1)
    limits = [None, *YAW_EDGES, None]
    for i in range(len(YAW_EDGES) + 1):
        yield [limits[i], limits[i + 1]], place == i
    yield [None, None], ~known


def _by_attribute(faces: Said, names: list[str]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """The faces that have each attribute; one whose attributes are unknown is in no group."""
    for bit, name in enumerate(names):
        yield {"attribute": name}, (faces.attributes >= 0) & (faces.attributes >> bit & 1 == 1)

"""[worker] Look at the audit faces' answers for a release.

A look happens in one transaction with the release it is for, and spends part of what may go wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labeling.audited import UNSETTLED, Material, Said, read
from labeling.learning import certification
from labeling.looks import CONFIDENCE, next_look, share_of_look, usable_draws
from labeling.models import Campaign
from labeling.released import check_promise

PROCEDURE = "learn-then-test/1"


@dataclass(frozen=True)
class Found:
    """What a release says of its certificate; for a look also what it was made of.

    published  the faces whose model's label is certified
    """

    told: dict[str, Any]
    material: Material | None = None
    published: Said | None = None


def certificate(campaign: Campaign, asked: dict[str, Any], seed: int) -> Found:
    """Look at the audits for a release that asks for max_error; call it under the campaign's lock.

    asked   the release's body; without max_error, or without the model's labels, nobody looks
    raises  Refused for numbers that promise nothing
    """
    target, confidence = asked.get("max_error"), asked.get("confidence", CONFIDENCE)
    draws = usable_draws(campaign, only_fresh=asked.get("audits") == "fresh")
    if target is None or "model" not in asked.get("include", ["model"]) or not draws:
        return Found({"certified": False, "reason": _why_no_look(campaign, asked)})
    check_promise(target, confidence)
    look = next_look(campaign, draws)
    delta = share_of_look(confidence, look)
    material = read(campaign, draws)
    looked_at = {
        "pool": material.pool.certainty[~np.isnan(material.pool.certainty)],
        "audited": material.audited.certainty,
        "is_wrong": material.is_wrong,
        "draws": material.counts,
        "target": target,
        "delta": delta,
        "n_pool": len(material.pool.face_ids),
    }
    found = certification.certify(**looked_at)
    now, then = certification.worth_of_more(**looked_at, rng=np.random.default_rng(seed))
    passes = material.pool.certainty >= (np.inf if found.threshold is None else found.threshold)
    told = {
        "certified": found.threshold is not None,
        "procedure": PROCEDURE,
        "target": target,
        "confidence": confidence,
        "look": look,
        "delta": delta,
        "threshold": found.threshold,
        "bound": found.bound,
        "n_pool": len(material.pool.face_ids),
        "n_certified": int(passes.sum()),
        "coverage": round(found.coverage, 6),
        "n_audit": found.n_audit,
        "n_counting": found.n_counting,
        "n_accepted": found.n_accepted,
        "errors": found.errors,
        "n_unsettled": int((material.truth == UNSETTLED).sum()),
        "n_cant_tell": int((material.truth == len(campaign.values)).sum()),
        "draws": [draw.id for draw in draws],
        "with_100_more": {"coverage_now": round(now, 4), "coverage_then": round(then, 4)},
    }
    return Found({**told, "reason": _why(told)}, material, material.pool.only(passes))


def _why_no_look(campaign: Campaign, asked: dict[str, Any]) -> str:
    if not campaign.audit_draws.exists():
        return (
            "No face of this campaign has been audited, so no error rate is promised. "
            "Probabilities are the consensus' own."
        )
    if asked.get("max_error") is None:
        return (
            "This release was asked for without an error rate, so none is promised and the audits "
            "were not looked at. Probabilities are the consensus' own."
        )
    if "model" not in asked.get("include", ["model"]):
        return "This release holds no label of the model, so there is nothing to certify."
    return (
        "Every audit face has been looked at by an earlier release, so there is no fresh one and "
        "no error rate is promised. Probabilities are the consensus' own."
    )


def _why(told: dict[str, Any]) -> str:
    """The promise in one sentence, or why there is none."""
    target, confidence = f"{100 * told['target']:g}%", f"{100 * (1 - told['delta']):.6g}%"
    if told["certified"]:
        return (
            f"Of the {told['n_certified']:,} labels here that only the model gave, at most "
            f"{target} are wrong, with {confidence} confidence. "
            "Labels that people gave are not part of this promise."
        )
    waiting = ""
    if told["n_unsettled"]:
        waiting = f" {told['n_unsettled']} of them are not settled yet and count as errors."
    return (
        f"The {told['n_audit']:,} audit faces do not show, with {confidence} confidence, that at "
        f"most {target} of the model's labels would be wrong at any threshold; so none of them is "
        f"in this release.{waiting}"
    )

"""[worker] Which audit faces a look may use, what it may spend, and what it would likely find.

Nothing here reads an answer to an audit face, so the queue's own worker may use it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from labeling.learning import certification
from labeling.learning.lots import Draw
from labeling.models import AuditDraw, Campaign, Release, Turn

CONFIDENCE = 0.95
# What the dashboard speaks of until somebody has asked for another.
USUAL_TARGET = 0.02


def usable_draws(campaign: Campaign, *, only_fresh: bool = False) -> list[AuditDraw]:
    """The drawings that speak for the same faces as the newest; fresh: those never looked at.

    Where faces were added to a campaign, audit faces from before are no fair sample of all.
    """
    draws = list(campaign.audit_draws.order_by("id"))
    draws = [draw for draw in draws if draw.newest_turn == draws[-1].newest_turn]
    if only_fresh:
        seen = {draw for look in looks(campaign) for draw in look["draws"]}
        draws = [draw for draw in draws if draw.id not in seen]
    return draws


def looks(campaign: Campaign) -> list[dict[str, Any]]:
    """The certificates of all looks at the campaign's audits so far, whether they certified."""
    rows = Release.objects.filter(campaign=campaign).exclude(certificate={}).order_by("id")
    return [c for c in rows.values_list("certificate", flat=True) if c.get("look")]


def next_look(campaign: Campaign, draws: Sequence[AuditDraw]) -> int:
    """1 for audit faces that nobody has looked at; each look at any of them counts."""
    ids = {draw.id for draw in draws}
    return 1 + sum(bool(ids & set(look["draws"])) for look in looks(campaign))


def share_of_look(confidence: float, look: int) -> float:
    """What the k-th look may spend of 1 - confidence: a half, a quarter, ...; never more in all."""
    return (1 - confidence) * 0.5**look


def indicate(campaign: Campaign, face_ids: np.ndarray, model: np.ndarray) -> dict[str, Any] | None:
    """What a release might certify now, by the model's own word; audit answers are not looked at.

    Somebody who waited for a good moment by the answers would spend them unseen.
    face_ids  (n,) sorted, model (n, k) its probabilities
    returns   None while there are no audit faces
    """
    draws = usable_draws(campaign)
    if not draws or not len(face_ids):
        return None
    last = looks(campaign)[-1:] or [{"target": USUAL_TARGET, "confidence": CONFIDENCE}]
    target, confidence = last[0]["target"], last[0]["confidence"]
    turns = Turn.objects.asked().filter(campaign=campaign, id__lte=draws[-1].newest_turn)
    audits = turns.filter(audit_draw__in=draws).values_list("face_id", flat=True)
    free = turns.filter(kind=Turn.Kind.ASK, had=0).values_list("face_id", flat=True)
    pool, audited = (
        model[np.isin(face_ids, np.fromiter(ids, dtype=np.int64))].max(axis=1, initial=0.0)
        for ids in (free, audits)
    )
    n_taken = turns.filter(kind=Turn.Kind.ASK, had__gt=0).count()
    counts = [Draw(d.n_drawn, d.n_pool, min(n_taken, d.n_pool - d.n_drawn)) for d in draws]
    planned = certification.plan(
        pool,
        audited,
        counts,
        target=target,
        delta=share_of_look(confidence, next_look(campaign, draws)),
    )
    coverage = certification.forecast(planned, np.random.default_rng(0))
    return {"indicative": True, "target": target, "coverage": round(coverage, 4)}

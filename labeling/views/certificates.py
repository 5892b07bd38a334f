"""What certificates say, in words that a reader cannot take for more."""

from typing import Any


def percent(share: float) -> str:
    """Four places at most: 2%, 97.5%, 99.375%."""
    return f"{100 * share:.6g}%"


def foretold(indication: dict[str, Any] | None) -> str:
    """One sentence for the dashboard; empty while nothing can be foretold."""
    if not indication:
        return ""
    return (
        f"Indicative: a release with at most {percent(indication['target'])} wrong would likely "
        f"certify {indication['coverage']:.0%} of the faces that only the model has labeled. This "
        "goes by the model's own word; answers on audit faces are looked at by releases only."
    )


def headline(certificate: dict[str, Any]) -> str:
    if certificate.get("certified"):
        return f"At most {percent(certificate['target'])} of the model's labels here are wrong."
    return "No error rate is promised."


def steps(certificate: dict[str, Any]) -> list[str]:
    """How a look came to what it says; nothing where nobody looked."""
    if not certificate.get("look"):
        return []
    told = certificate
    drawn = (
        f"{told['n_audit']:,} audit faces were drawn by lot from faces that nobody had labeled, "
        "and people answered them without seeing what the model says."
    )
    if told["n_counting"] < told["n_audit"]:
        drawn += (
            f" People have labeled other faces since, so {told['n_counting']:,} of them count for "
            "the faces that are left."
        )
    if told["n_unsettled"] or told["n_cant_tell"]:
        drawn += (
            f" {told['n_unsettled']:,} of them are not settled and of {told['n_cant_tell']:,} "
            "people can't tell: the model counts as wrong there, if it is sure."
        )
    tested = (
        "From the surest labels on, each threshold was tested in an order fixed before any answer "
        "was looked at, up to the first that failed (Learn then Test, exact test)."
    )
    if told["certified"]:
        tested += (
            f" Labels of which the model is at least {percent(round(told['threshold'], 4))} sure "
            f"passed: {told['n_certified']:,} of {told['n_pool']:,} "
            f"({percent(round(told['coverage'], 3))}). {told['n_accepted']:,} audit faces are as "
            f"sure, and {told['errors']:,} of those are wrong."
        )
    spent = (
        f"This was look {told['look']} at these audit faces. It may be mistaken in "
        f"{percent(told['delta'])} of such looks; all looks together, however many follow, in no "
        f"more than {percent(round(1 - told['confidence'], 6))}."
    )
    return [drawn, tested, spent, _worth(told["with_100_more"])]


def _worth(coverage: dict[str, float]) -> str:
    now, then = f"{coverage['coverage_now']:.0%}", f"{coverage['coverage_then']:.0%}"
    estimate = "an estimate by drawing the audit faces again"
    if coverage["coverage_then"] <= coverage["coverage_now"] or now == then:
        return f"100 more audit faces would likely certify no more than these ({estimate})."
    return (
        f"With 100 more audit faces a look like this one would likely certify {then} of the faces "
        f"instead of {now} ({estimate})."
    )

"""When a face has enough votes: the rules that campaigns choose from, each with its version."""

from collections.abc import Mapping

from labeling.models import UNSURE, Campaign

# What is stamped on turns that were closed without the campaign's rule.
AUDIT_RULE, OUTSIDE_RULE, TRIAL_RULE = "audit/1", "outside/1", "trial/1"


def wants_another(rule: str, counts: Mapping[str, int], votes_max: int) -> bool:
    """Whether a face that has the votes it wanted should get one more at once.

    counts  votes by choice, "unsure" included
    risk/1       never at once: the next refresh asks again where the estimated risk is high
    agreement/1  unless all answers agree or one choice leads by two; "can't tell" decides nothing
    """
    if rule != Campaign.StopRule.AGREEMENT or sum(counts.values()) >= votes_max:
        return False
    answers = sorted((n for choice, n in counts.items() if choice != UNSURE and n), reverse=True)
    if not answers:
        return True
    return len(answers) > 1 and answers[0] - answers[1] < 2

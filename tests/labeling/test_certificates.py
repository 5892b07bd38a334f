"""The words of a certificate: what is promised, by which look, and nothing more."""

from labeling.views import certificates

LOOK = {
    "certified": True,
    "target": 0.02,
    "confidence": 0.95,
    "look": 2,
    "delta": 0.0125,
    "threshold": 0.96251,
    "bound": 0.019,
    "n_pool": 198_000,
    "n_certified": 130_000,
    "coverage": 0.65657,
    "n_audit": 1000,
    "n_counting": 930,
    "n_accepted": 640,
    "errors": 4,
    "n_unsettled": 3,
    "n_cant_tell": 12,
    "with_100_more": {"coverage_now": 0.61, "coverage_then": 0.63},
}


def test_a_certificate_says_what_was_looked_at_and_what_it_may_be_wrong_in():
    assert certificates.headline(LOOK) == "At most 2% of the model's labels here are wrong."
    drawn, tested, spent, worth = certificates.steps(LOOK)
    assert "1,000 audit faces were drawn by lot" in drawn
    assert "930 of them count for the faces that are left" in drawn
    assert "3 of them are not settled and of 12 people can't tell" in drawn
    assert "at least 96.25% sure passed: 130,000 of 198,000 (65.7%)" in tested
    assert "640 audit faces are as sure, and 4 of those are wrong" in tested
    assert "look 2 at these audit faces. It may be mistaken in 1.25% of such looks" in spent
    assert "all looks together, however many follow, in no more than 5%" in spent
    assert "certify 63% of the faces instead of 61%" in worth


def test_a_look_that_found_nothing_promises_nothing_and_says_how_it_looked():
    failed = {**LOOK, "certified": False, "threshold": None, "n_counting": 1000}
    failed |= {"n_unsettled": 0, "n_cant_tell": 0}
    failed["with_100_more"] = {"coverage_now": 0.1, "coverage_then": 0.1}
    assert certificates.headline(failed) == "No error rate is promised."
    drawn, tested, _, worth = certificates.steps(failed)
    assert drawn.endswith("without seeing what the model says.")
    assert "passed" not in tested
    assert "would likely certify no more" in worth


def test_where_nobody_looked_there_is_nothing_to_explain():
    assert certificates.steps({"certified": False, "reason": "No audits."}) == []
    assert certificates.foretold(None) == ""
    told = {"indicative": True, "target": 0.025, "coverage": 0.414}
    assert "at most 2.5% wrong would likely certify 41%" in certificates.foretold(told)

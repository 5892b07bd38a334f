"""A manager asks for a release with an error rate, and reads what is promised and how."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from labeling import queue
from labeling.models import Refresh, Release
from tests.labeling.test_audits import add_faces, audit, suggest

SHOTS = os.environ.get("PENUMBRA_SHOTS")


@pytest.fixture
def audited_campaign(dataset):
    add_faces(dataset, 1988)
    campaign = queue.create_campaign(dataset, "certified", title="Where is the light?")
    audit(campaign, 500)
    suggest(campaign)
    told = {"indicative": True, "target": 0.02, "coverage": 0.41}
    Refresh.objects.create(campaign=campaign, status="done", figures={"certified_coverage": told})
    return campaign


def shoot(page, name):
    """Pictures for people who look at pages; none unless asked for."""
    if SHOTS is None:
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_promise_is_asked_for_in_percent_and_told_in_words(
    visit, people, audited_campaign, worker
):
    page = visit(people.mia).new_page()
    page.goto("/campaigns/certified")
    expect(page.get_by_text("would likely certify 41%")).to_be_visible()
    page.get_by_label("At most so many wrong, in %").fill("3.5")
    page.get_by_label("Only by audit faces that no release has looked at").check()
    shoot(page, "campaign")
    page.get_by_role("button", name="Make a release").click()
    row = page.get_by_role("row").filter(has_text="Release 1")
    expect(row.get_by_text("done")).to_be_visible(timeout=60_000)
    release = Release.objects.get()
    assert release.request == {
        "include": ["human", "model"],
        "max_error": 0.035,
        "confidence": 0.95,
        "audits": "fresh",
    }
    page.get_by_role("link", name="Release 1").click()
    told = release.certificate
    promise = page.get_by_role("region", name="What is promised", exact=True)
    expect(promise).to_contain_text("At most 3.5% of the model's labels here are wrong.")
    expect(promise).to_contain_text("with 97.5% confidence")
    expect(promise).to_contain_text(
        f"Of the {told['n_certified']:,} labels here that only the model"
    )
    expect(promise).to_contain_text("Labels that people gave are not part of this promise.")
    expect(promise.get_by_role("listitem")).to_have_count(4)
    expect(promise).to_contain_text("all looks together, however many follow, in no more than 5%")
    shoot(page, "release")

"""A manager makes a release from the page, with a real worker behind it."""

import hashlib

from playwright.sync_api import expect

from labeling.models import Consensus, Release


def test_a_manager_asks_for_a_release_and_downloads_what_it_promises(
    visit, people, campaign, worker
):
    faces = campaign.dataset.faces.order_by("id")[:4]
    for face, choice in zip(faces, ["left", "left", "right", "center"], strict=True):
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            source="human",
            probability=0.9,
            probabilities=[0.9, 0.05, 0.05],
            n_votes=1,
        )
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light")
    page.get_by_label("Faces only the model has judged").uncheck()
    page.get_by_role("button", name="Make a release").dblclick()
    row = page.get_by_role("row").filter(has_text="Release 1")
    expect(row.get_by_text("done")).to_be_visible(timeout=60_000)
    release = Release.objects.get()
    assert release.request == {"include": ["human"]}
    assert release.n_labels == 4
    page.get_by_role("link", name="Release 1").click()
    expect(page.get_by_text("No error rate is promised.", exact=True)).to_be_visible()
    for file in release.manifest["files"]:
        row = page.get_by_role("row").filter(has_text=file["name"])
        expect(row).to_contain_text(file["sha256"])
        with page.expect_download() as download:
            row.get_by_role("link").click()
        content = download.value.path().read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_a_release_of_nothing_is_refused_in_words(visit, people, campaign, worker):
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light")
    for box in page.get_by_role("checkbox", name="Faces").all():
        box.uncheck()
    page.get_by_role("button", name="Make a release").click()
    expect(page.get_by_role("alert")).to_contain_text("include")
    page.get_by_label("Faces with votes").check()
    page.get_by_role("button", name="Make a release").click()
    expect(page.get_by_text("has no human label that passes")).to_be_visible(timeout=60_000)

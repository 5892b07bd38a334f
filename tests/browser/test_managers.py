"""Managers in a real browser: contested faces by keys, own questions, files, late counts."""

import re

import pytest
from playwright.sync_api import expect

from labeling.models import Adjudication, Campaign, Import, Vote
from labeling.views import campaigns as pages


@pytest.fixture
def torn(campaign, people) -> Campaign:
    """Four faces on which ada and ben disagree."""
    for turn in campaign.turns.order_by("face__filename")[:4]:
        for person, choice in [(people.ada, "left"), (people.ben, "right")]:
            Vote.objects.create(turn=turn, annotator=person, choice=choice, source="page")
        turn.had = turn.wanted = 2
        turn.save()
    return campaign


def words() -> list[tuple[str, str]]:
    rows = Adjudication.objects.order_by("id")
    return list(rows.values_list("face__filename", "choice"))


def test_contested_faces_are_settled_by_keys_and_gone_back_to(visit, people, torn):
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light/contested")
    judge = page.locator("[data-judge]")
    expect(judge).to_have_attribute("data-shows", "face")
    votes = page.locator("[data-votes]")
    expect(votes).to_be_hidden()
    page.keyboard.press("v")
    expect(votes).to_contain_text("ada: Left")
    expect(votes).to_contain_text("ben: Right")
    settled = page.locator("[data-settled]")
    page.keyboard.press("ArrowLeft")
    expect(votes).to_be_hidden()
    expect(settled).to_have_text("1")
    page.keyboard.press("n")  # left as it is
    page.keyboard.press("u")
    expect(settled).to_have_text("2")
    page.keyboard.press("z")
    expect(page.locator("button[data-answer=unsure]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Right").click()
    expect(settled).to_have_text("3")
    expect(judge).to_have_attribute("data-shows", "empty")
    expect(page.get_by_role("heading", name="Nothing is contested")).to_be_visible()
    told = words()
    assert [choice for _, choice in told] == ["left", "unsure", "center", "right"]
    assert told[1][0] == told[2][0], "going back gives the same face another word"
    assert len({file for file, _ in told}) == 3
    page.reload()
    expect(judge).to_have_attribute("data-shows", "face")
    page.keyboard.press("n")
    expect(judge).to_have_attribute("data-shows", "empty")


def test_a_word_that_was_not_stored_is_told(visit, people, torn):
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light/contested")
    expect(page.locator("[data-judge]")).to_have_attribute("data-shows", "face")
    page.route("**/adjudications", lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-error]")).to_contain_text("was not stored")
    page.unroute("**/adjudications")
    page.keyboard.press("z")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-settled]")).to_have_text("1")
    assert len(words()) == 1


def test_a_manager_asks_a_question_of_their_own(visit, people, campaign):
    page = visit(people.mia).new_page()
    page.goto("/campaigns")
    expect(page.get_by_label("Slug")).to_have_value("where-does-the-light-come-from")
    expect(page.get_by_label("The question")).to_be_hidden()
    page.get_by_label("A question of my own").check()
    expect(page.get_by_label("Title")).to_have_value("")
    page.get_by_label("Title").fill("Où regarde-t-il?")
    expect(page.get_by_label("Slug")).to_have_value("ou-regarde-t-il")
    page.get_by_label("The question").fill("Where do the eyes look?")
    rows = page.locator("[data-choice]:visible")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Add an answer").click()
    expect(rows).to_have_count(3)
    for index, (label, key) in enumerate(
        [("To the left", "ArrowLeft"), ("To the right", "ArrowRight"), ("At us", "ArrowUp")]
    ):
        rows.nth(index).get_by_label("Answer", exact=True).fill(label)
        rows.nth(index).get_by_label("Key").select_option(key)
    rows.nth(0).get_by_label("In a mirrored picture").select_option(label="To the right")
    expect(rows.nth(1).get_by_label("In a mirrored picture")).to_have_value("1")
    page.get_by_text("How it asks").click()
    page.get_by_label("Votes for each face").fill("2")
    page.get_by_role("button", name="Make the campaign").click()
    expect(page).to_have_url(re.compile("/campaigns/ou-regarde-t-il$"))
    made = Campaign.objects.get(slug="ou-regarde-t-il")
    mirrors = {choice["value"]: choice["mirror"] for choice in made.choices}
    assert mirrors == {
        "to-the-left": "to-the-right",
        "to-the-right": "to-the-left",
        "at-us": "at-us",
    }
    assert made.votes_min == 2


def test_a_file_is_sent_and_followed(visit, people, campaign, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,choice\n000001.jpg,left\n")
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light/imports")
    expect(page.get_by_label("Known as")).to_be_hidden()
    page.get_by_label("Labels: file, choice").check()
    page.get_by_label("Known as").fill("Study 7")
    page.get_by_label(re.compile("CSV file")).set_input_files(path)
    page.get_by_role("button", name="Send and check").click()
    expect(page.get_by_text("labels.csv has come in")).to_be_visible()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    Import.objects.update(status="failed", error="Row 1: '000001.jpg' is not in 'light'.")
    expect(page.get_by_text("Row 1: '000001.jpg' is not in 'light'.")).to_be_visible()


def test_large_campaigns_counts_come_after_the_page(visit, people, torn, monkeypatch):
    monkeypatch.setattr(pages, "LARGE", 0)
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light/annotators")
    expect(page.get_by_role("heading", name="2 annotators")).to_be_visible()
    page.goto("/campaigns/light/agreement")
    expect(page.get_by_role("heading", name="Who agrees with whom")).to_be_visible()
    page.goto("/campaigns/light")
    expect(page.get_by_role("heading", name="What people answered")).to_be_visible()


def test_progress_moves_while_the_page_is_open(visit, people, campaign):
    page = visit(people.mia).new_page()
    page.goto("/campaigns/light")
    expect(page.locator("[data-live=votes]")).to_have_text("0")
    turn = campaign.turns.first()
    Vote.objects.create(turn=turn, annotator=people.ada, choice="left", source="page")
    campaign.turns.filter(id=turn.id).update(had=1)
    expect(page.locator("[data-live=votes]")).to_have_text("1")

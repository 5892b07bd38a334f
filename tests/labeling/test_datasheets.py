"""A release's datasheet tells its manifest in words, and never more than was fixed."""

import json
import re

import pytest

from labeling import datasheets, jobs, provenance, queue, releases, votes, worker
from labeling.models import AnnotatorSkill, Consensus, Release, Vote
from labeling.released import folder_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(dataset_of, settings, tmp_path):
    """Four faces labeled, three of them by both annotators; they disagree once."""
    settings.VAR_DIR = tmp_path
    campaign = queue.create_campaign(dataset_of(5), "light", title="Light | by *eye*")
    said = {"1": ("left", "left"), "2": ("center", "right"), "3": ("right", "right")}
    cast = [
        (f"00000{face}.jpg", who, choice)
        for face, choices in said.items()
        for who, choice in zip(("ada", "ben"), choices, strict=True)
    ]
    votes.cast_outside(campaign, cast, source="simulated")
    for face, choice in ((1, "left"), (2, "center"), (3, "right"), (4, "right")):
        Consensus.objects.create(
            campaign=campaign,
            face=campaign.dataset.faces.get(filename=f"00000{face}.jpg"),
            choice=choice,
            probability=0.9,
            probabilities=[0.9 if v == choice else 0.05 for v in campaign.values],
            source="human" if face < 4 else "model",
            n_votes=2 if face < 4 else 0,
        )
    return campaign


def written(campaign, **body):
    release = jobs.ask_release(campaign, user=None, body=body, key="")
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    assert release.error is None
    return release


def sheet_of(release):
    return (folder_of(release) / datasheets.NAME).read_text()


def section(sheet, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", sheet, re.M | re.S)[1]


def skill(campaign, person, accuracy):
    AnnotatorSkill.objects.create(
        campaign=campaign,
        annotator=person,
        confusion=[],
        n_votes=3,
        accuracy=accuracy,
        accuracy_low=accuracy - 0.2,
        accuracy_high=accuracy + 0.1,
        weight=0.8,
        accepted_weight=0.8,
    )


def annotator(campaign):
    return Vote.objects.filter(turn__campaign=campaign).earliest("created_at").annotator


def test_a_datasheet_counts_what_the_release_holds(campaign):
    release = written(campaign)
    sheet = sheet_of(release)
    assert sheet.startswith(r"# Datasheet: Light \| by \*eye\*, release 1")
    labels = section(sheet, "Labels by choice and source")
    right = release.campaign.choices[2]["label"]
    assert f"| {right} | 1 | 1 | 2 | 50.0% |" in labels
    assert "coverage 80.0%" in labels
    assert "No error rate is promised." in section(sheet, "What is promised")
    assert "6 simulated" in section(sheet, "What this is")


def test_it_tells_how_far_annotators_agree_as_of_the_release(campaign):
    release = written(campaign)
    told = release.manifest["record"]["agreement"]
    assert (told["units"], told["votes"]) == (3, 6)
    # By hand: coincidences l-l 2, r-r 2, c-r and r-c 1 each; 1 - 5 * 2 / (36 - 4 - 1 - 9).
    assert told["alpha"]["nominal"]["value"] == pytest.approx(1 - 5 * 2 / 22, abs=1e-4)
    assert "0.545" in section(sheet_of(release), "How far annotators agree")
    assert set(told["alpha"]) == {"nominal", "ordinal"}


def test_choices_that_stand_on_no_line_get_no_ordinal_alpha(campaign):
    campaign.choices = [*campaign.choices[1:], campaign.choices[0]]
    told = provenance.of_release(campaign, votes.standing(campaign))
    assert set(told["agreement"]["alpha"]) == {"nominal"}


def test_accepted_suggestions_agree_with_nobody(campaign):
    before = provenance.of_release(campaign, votes.standing(campaign))["agreement"]
    face = campaign.turns.get(face__filename="000004.jpg")
    for person in {vote.annotator for vote in Vote.objects.all()}:
        face.votes.create(annotator=person, choice="right", source="page", channel="accepted")
    after = provenance.of_release(campaign, votes.standing(campaign))["agreement"]
    assert after == before | {"n_accepted": 2}


def test_annotators_are_told_by_the_names_of_the_votes_file(campaign):
    person = annotator(campaign)
    skill(campaign, person, 0.75)
    release = written(campaign)
    people = release.manifest["record"]["annotators"]
    assert [row["annotator"] for row in people] == ["a001", "a002"]
    assert sorted(row["n_votes"] for row in people) == [3, 3]
    table = section(sheet_of(release), "Annotators")
    assert "| 3 | 3 | 75.0% | 55.0% | 85.0% |" in table
    everything = sheet_of(release) + json.dumps(release.manifest)
    assert person.username not in everything
    assert '"id"' not in json.dumps(people)


def test_why_faces_were_asked_about_is_told_with_the_chance(campaign):
    turn = campaign.turns.get(face__filename="000004.jpg")
    turn.votes.create(
        annotator=annotator(campaign),
        choice="right",
        source="page",
        reason="lot",
        propensity=0.25,
    )
    told = section(sheet_of(written(campaign)), "How votes were asked for")
    assert "| drawn by lot among open faces | ask | 1 | 0.25 to 0.25 |" in told
    assert "| ask | 6 | not kept |" in told


def test_a_second_attempt_writes_the_same_sheet_though_skills_and_rules_have_moved(campaign):
    skill(campaign, annotator(campaign), 0.75)
    release = written(campaign)
    first, manifest = sheet_of(release), release.manifest
    AnnotatorSkill.objects.update(accuracy=0.1)
    campaign.votes_max = 9
    campaign.save()
    votes.cast_outside(campaign, [("000004.jpg", "cy", "left")], source="imported")
    Release.objects.filter(id=release.id).update(status="queued", manifest={})
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    assert (sheet_of(release), release.manifest) == (first, manifest)


def test_the_release_page_shows_the_sheet(campaign, people, client):
    release = written(campaign)
    client.force_login(people.rita)
    page = client.get(f"/releases/{release.id}").content.decode()
    for found in datasheets.sections(release.manifest):
        assert f"<h3>{found.title}</h3>" in page
    assert f"/api/releases/{release.id}/files/datasheet.md" in page


def test_a_release_from_before_there_were_datasheets_still_has_its_page(campaign, people, client):
    release = written(campaign)
    del release.manifest["record"]
    release.save()
    client.force_login(people.mia)
    answer = client.get(f"/releases/{release.id}")
    assert answer.status_code == 200
    assert b"Datasheet" in answer.content
    assert b"as a file" not in answer.content


def test_a_certificate_is_told_with_its_tables(campaign):
    manifest = written(campaign).manifest
    counts = {"n_certified": 40, "n_accepted": 12, "errors": 1}
    manifest["certificate"] = {
        "certified": True,
        "reason": "At most 5% are wrong.",
        "procedure": "learn-then-test/1",
        "look": 1,
        "delta": 0.025,
        "n_pool": 50,
        "n_certified": 40,
        "coverage": 0.8,
        "n_audit": 20,
        "by_choice": {"left": counts},
        "by_yaw": [{"yaw": [None, -45.0], **counts}, {"yaw": [None, None], **counts}],
    }
    estimate = {"value": 0.25, "low": 0.2, "high": None}
    manifest["proportions"] = {
        "procedure": "ppi++/1",
        "confidence": 0.95,
        "n_audit": 20,
        "n_unsettled": 0,
        "n_faces": 70,
        "shares": dict.fromkeys(["left", "center", "right"], estimate),
    }
    sheet = datasheets.markdown(manifest)
    assert "An error rate is certified. At most 5% are wrong." in sheet
    assert "40 are certified (80.0%)" in section(sheet, "What is promised")
    turned = section(sheet, "The certificate by head turn")
    assert "| below -45 | 40 | 12 | 1 |" in turned
    assert "| unknown | 40 | 12 | 1 |" in turned
    assert "| 25.0% | 20.0% | unknown |" in section(sheet, "How common each choice is")

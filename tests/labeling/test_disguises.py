"""A flipped face among the others is told by nothing, however closely its annotator looks."""

import re
import uuid
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from labeling import queue, trials
from labeling.models import Adjudication, Campaign, Disguise, Face, Lease, Turn, User, Vote

N_FACES = 40
FIRST = trials.MIRROR_AFTER_VOTES + 6


@pytest.fixture
def campaign(dataset_of) -> Campaign:
    campaign = queue.create_campaign(dataset_of(N_FACES), "light", title="Light")
    Campaign.objects.update(mirror_share=0.2)
    return campaign


class Student:
    """Somebody who looks at everything that the server sends."""

    def __init__(self, client) -> None:
        self.client = client

    def post(self, what: str, body: object):
        return self.client.post(f"/api/campaigns/light/{what}", body, format="json")

    def turns(self, count: int) -> list[dict]:
        return self.post("turns", {"count": count}).json()["turns"]

    def vote(self, turn: dict, choice: str = "left", number: str = "") -> dict:
        row = {"id": number or str(uuid.uuid4()), "face": turn["face"], "choice": choice}
        return self.post("votes", {"votes": [row]}).json()["results"][0]

    def picture(self, address: str):
        answer = self.client.get(address)
        assert answer.status_code == 200, address
        return b"".join(answer.streaming_content), dict(answer.items())


def trials_of(person: User) -> dict[int, Turn]:
    """The flipped faces that somebody holds or has answered, by the ids they go by."""
    worn = Disguise.objects.filter(annotator=person).select_related("turn__face")
    return {one.face_id: one.turn for one in worn}


def until_a_trial_comes(student: Student, person: User) -> tuple[list[dict], dict]:
    """Answer faces until there is a flipped one among those given; these, and that one."""
    for turn in student.turns(FIRST):
        assert student.vote(turn)["status"] == "stored"
    for _ in range(60):
        given = student.turns(3)
        held = [turn for turn in given if turn["face"] in trials_of(person)]
        if 0 < len(held) < len(given):
            return given, held[0]
        student.post("leases/release", {"faces": [turn["face"] for turn in given]})
    raise AssertionError("no trial came in sixty tries")


@pytest.fixture
def ada(people, api) -> Student:
    return Student(api(people.ada))


def test_a_flipped_face_is_told_by_no_id_no_name_and_no_address(campaign, people, ada):
    seen = set(Vote.objects.values_list("turn__face_id", flat=True))
    given, trial = until_a_trial_comes(ada, people.ada)
    ordinary = next(turn for turn in given if turn["face"] not in trials_of(people.ada))
    named = Face.objects.get(id=trial["face"])
    assert (named.dataset, named.filename) == (campaign.dataset, trial["filename"])
    assert named.id not in seen | {turn["face"] for turn in given if turn is not trial}
    assert set(trial) == set(ordinary)
    shape = r"/api/faces/\d+/image\?turn=[0-9a-f]{16}"
    assert all(re.fullmatch(shape, turn["image"]) for turn in given)
    assert trial["image"].startswith(f"/api/faces/{trial['face']}/image?")


def test_its_picture_is_the_flipped_one_whichever_address_is_tried(campaign, people, ada):
    _, trial = until_a_trial_comes(ada, people.ada)
    (behind,) = (turn.face for face, turn in trials_of(people.ada).items() if face == trial["face"])
    asked, headers = ada.picture(trial["image"])
    plain, plain_headers = ada.picture(f"/api/faces/{trial['face']}/image")
    assert (asked, headers) == (plain, plain_headers)
    assert f'filename="{trial["filename"]}"' in headers["Content-Disposition"]
    original = Image.open(f"{campaign.dataset.image_folder}/{behind.filename}")
    shown = np.asarray(Image.open(BytesIO(asked)).convert("L"), dtype=float)
    flipped = np.asarray(original.convert("L"), dtype=float)[:, ::-1]
    assert np.abs(shown - flipped).mean() < 4
    # The flipped face's own id leads nowhere.
    assert ada.client.get(f"/api/faces/{behind.id}/image").status_code == 404
    assert ada.vote({"face": behind.id})["code"] == "unknown_face"
    assert (
        ada.client.get(f"/api/faces/{trial['face']}/image?turn=0123456789abcdef").status_code == 404
    )


def test_its_answers_are_treated_like_any_others(campaign, people, ada):
    given, trial = until_a_trial_comes(ada, people.ada)
    ordinary = next(turn for turn in given if turn["face"] not in trials_of(people.ada))
    told = []
    for turn in (ordinary, trial):
        faces = {"faces": [turn["face"]]}
        held = ada.post("leases/renew", faces).json()["held"]
        assert turn["face"] in {one["face"] for one in held}
        number = str(uuid.uuid4())
        results = [ada.vote(turn, "left", number), ada.vote(turn, "left", number)]
        results += [ada.vote(turn, "right", number), ada.vote(turn, "right")]
        said = [(one["status"], one["code"]) for one in results]
        newest = ada.client.get("/api/campaigns/light/mine").json()["recent"][0]
        assert (newest["face"], newest["filename"]) == (turn["face"], turn["filename"])
        back = ada.post("votes/withdraw", {"id": number}).json()["turn"]
        assert {**back, "lease_expires": 0} == {**turn, "lease_expires": 0}
        again = ada.vote(back, "right")["status"]
        free = [one["face"] for one in ada.post("leases/release", faces).json()["held"]]
        told.append((said, again, turn["face"] in free))
    assert told[0] == told[1]
    kinds = Vote.objects.order_by("-created_at").values_list("turn__kind", flat=True)
    assert list(kinds[:3]) == ["mirror"] * 3  # an answer, its withdrawal, another answer


def test_no_count_stands_still_when_a_trial_is_held_or_answered(campaign, people, ada):
    """The last look before a vote, and the first after it: who sees a trial there could mend it."""

    def counts() -> list[int]:
        told = ada.client.get("/api/campaigns/light/progress").json()
        shown = ada.client.get("/api/campaigns/light").json()["progress"]
        assert {**shown, "as_of": 0} == {**told, "as_of": 0}
        home = ada.client.get("/").context["cards"][0]
        left = ada.post("turns", {"count": 1}).json()
        ada.post("leases/release", {"faces": [left["turns"][0]["face"]]})
        names = ("votes", "with_votes", "closed", "held")
        page = ada.client.get("/label/light").context
        shown = [home["closed"], home["votes"], page["done"], -page["open"], -left["open"]]
        return [*(told[name] for name in names), *shown]

    given, trial = until_a_trial_comes(ada, people.ada)
    ordinary = next(turn for turn in given if turn["face"] not in trials_of(people.ada))
    for turn in (ordinary, trial):
        held = counts()
        ada.vote(turn)
        voted = counts()
        grown = [after - before for before, after in zip(held, voted, strict=True)]
        assert grown == [1, 1, 1, -1, *[1] * 5], turn
    assert Turn.objects.asked().filter(had=1).count() == FIRST + 1


def test_the_face_that_lent_its_name_comes_last_and_as_itself(campaign, people, ada):
    """One person can finish a campaign, and every vote belongs to the picture that was shown."""
    pictures, votes_of = {}, {}
    while turns := ada.turns(5):
        for turn in turns:
            number = str(uuid.uuid4())
            assert ada.vote(turn, number=number)["status"] == "stored"
            pictures[number], votes_of[number] = ada.picture(turn["image"])[0], turn["face"]
    assert Turn.objects.filter(campaign=campaign, kind="ask", had=1).count() == N_FACES
    stored = Vote.objects.select_related("turn__face__dataset__mirrors")
    assert set(votes_of) == {str(vote.id) for vote in stored}
    names = trials_of(people.ada)
    assert names
    for vote in stored:
        file = f"{campaign.dataset.image_folder}/{vote.turn.face.filename}"
        truth = np.asarray(Image.open(file).convert("L"), dtype=float)
        is_trial = vote.turn.kind == Turn.Kind.MIRROR
        shown = np.asarray(Image.open(BytesIO(pictures[str(vote.id)])).convert("L"), dtype=float)
        assert np.abs(shown - (truth[:, ::-1] if is_trial else truth)).mean() < 4
        if not is_trial:
            assert votes_of[str(vote.id)] == vote.turn.face_id
    lent = [vote.created_at for vote in stored if vote.turn.face_id in names]
    others = [v.created_at for v in stored if v.turn.kind == "ask" and v.turn.face_id not in names]
    assert max(others) < min(lent)


def test_a_trial_taken_back_late_does_not_return_as_a_face_that_has_come(campaign, people, ada):
    while turns := ada.turns(5):
        for turn in turns:
            ada.vote(turn)
    (trial, *_) = Vote.objects.filter(turn__kind="mirror")
    assert ada.post("votes/withdraw", {"id": str(trial.id)}).json()["turn"] is None
    assert not Lease.objects.filter(annotator=people.ada).exists()
    assert (
        ada.vote({"face": Disguise.objects.get(turn=trial.turn).face_id})["code"] == "already_voted"
    )


def test_researchers_who_label_too_find_the_true_face_on_their_own_pages(campaign, people, api):
    User.objects.filter(id=people.rita.id).update(is_annotator=True)
    rita = Student(api(User.objects.get(id=people.rita.id)))
    _, trial = until_a_trial_comes(rita, people.rita)
    labeled, _ = rita.picture(trial["image"])
    true, _ = rita.picture(f"/api/faces/{trial['face']}/image")
    assert labeled != true
    with open(f"{campaign.dataset.image_folder}/{trial['filename']}", "rb") as file:
        assert true == file.read()


def test_names_are_not_borrowed_from_faces_that_are_known_otherwise(campaign, people, ada):
    """Not from the guide's examples, nor from adjudicated faces, which a quiz may show."""
    for turn in ada.turns(FIRST):
        ada.vote(turn)
    left = list(Turn.objects.filter(had=0).values_list("face_id", flat=True))
    examples, settled, free = left[:6], left[6:-2], left[-2:]
    rubric = {"choices": {"left": {"text": "", "faces": examples}}}
    Campaign.objects.update(rubric=rubric)
    for face in settled:
        Adjudication.objects.create(campaign=campaign, face_id=face, choice="left", by=people.mia)
    campaign.refresh_from_db()
    assert len(trials.mirrored(campaign, people.ada, 6)) == 2
    assert set(trials_of(people.ada)) == set(free)

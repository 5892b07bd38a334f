"""What a campaign has come to, counted from its rows."""

import uuid

from labeling import queue, reports, votes
from labeling.models import Consensus


def cast(campaign, annotator, face, choice, seconds=1.0):
    row = {"id": str(uuid.uuid4()), "face": face.id, "choice": choice, "seconds": seconds}
    (outcome,) = votes.cast(campaign, annotator, [row])
    assert outcome.status == "stored"
    return outcome.id


def test_progress_counts_turns_votes_and_beliefs(dataset, faces, people):
    campaign = queue.create_campaign(dataset, "light", title="Light")
    cast(campaign, people.ada, faces[0], "left")
    cast(campaign, people.ben, faces[1], "right")
    taken_back = cast(campaign, people.ben, faces[2], "right")
    votes.withdraw(campaign, people.ben, uuid.UUID(taken_back))
    for face, choice, source in [(faces[0], "left", "human"), (faces[5], "center", "model")]:
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            probability=0.9,
            probabilities=[0.05, 0.9, 0.05],
            source=source,
        )
    told = reports.progress(campaign)
    assert (told["faces"], told["closed"], told["open"], told["votes"]) == (12, 2, 10, 2)
    assert told["consensus"] == {
        "left": {"human": 1, "model": 0},
        "center": {"human": 0, "model": 1},
        "right": {"human": 0, "model": 0},
    }
    assert told["certified_coverage"] is None


def test_an_annotator_sees_the_newest_of_their_own_votes(dataset, faces, people):
    campaign = queue.create_campaign(dataset, "light", title="Light")
    for face in faces[:3]:
        cast(campaign, people.ada, face, "left")
    cast(campaign, people.ben, faces[3], "right")
    told = reports.mine(campaign, people.ada, most=2)
    assert told["votes"] == 3
    assert [vote["face"] for vote in told["recent"]] == [faces[2].id, faces[1].id]

"""Answers through the dialect: whose they are, what is refused, what is stored once."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from labeling import queue, votes
from labeling.label_studio.annotations import number_of
from labeling.models import Campaign, Classifier, Suggestion, Turn, Vote
from tests.labeling.label_studio.client import said


def test_an_answer_sent_again_is_stored_once(answer, people, tasks):
    first = answer(people.ada, tasks[0], "left")
    again = answer(people.ada, tasks[0], "left")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.data == again.data
    assert Vote.objects.count() == 1


def test_a_second_answer_must_be_a_change(answer, people, tasks):
    answer(people.ada, tasks[0], "left")
    other = answer(people.ada, tasks[0], "right")
    assert other.status_code == 400
    assert "'left'" in other.data["detail"]
    assert Vote.objects.get().choice == "left"


@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_many_times_at_once_is_stored_once(answer, people, tasks):
    def send(_: int) -> int:
        try:
            return answer(people.ada, tasks[0], "left").data["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        numbers = set(pool.map(send, range(12)))
    assert len(numbers) == 1
    assert Vote.objects.count() == 1


def test_an_answer_after_a_withdrawal_is_a_new_vote(ask, answer, people, tasks):
    first = answer(people.ada, tasks[0], "left").data["id"]
    assert ask(people.ada, "delete", f"annotations/{first}/").status_code == 204
    assert ask(people.ada, "get", f"annotations/{first}/").status_code == 404
    assert ask(people.ada, "delete", f"annotations/{first}/").status_code == 404
    assert answer(people.ada, tasks[0], "left").status_code == 201
    assert [vote.choice for vote in Vote.objects.order_by("revision")] == ["left", None, "left"]


def test_an_answer_from_our_page_is_the_same_annotation(ask, answer, people, project, tasks):
    turn = Turn.objects.get(id=tasks[0])
    row = {"id": str(uuid.uuid4()), "face": turn.face_id, "choice": "left"}
    votes.cast(turn.campaign, people.ada, [row])
    again = answer(people.ada, tasks[0], "left")
    assert again.status_code == 200
    changed = ask(people.ada, "patch", f"annotations/{again.data['id']}/", said("center"))
    assert changed.data["result"][0]["value"] == {"choices": ["center"]}
    same = ask(people.ada, "put", f"annotations/{again.data['id']}/", said("center"))
    assert same.data == changed.data
    assert Vote.objects.count() == 3


def test_a_skipped_task_is_can_t_tell(ask, people, tasks):
    body = {"result": [], "was_cancelled": True, "lead_time": 3}
    skipped = ask(people.ada, "post", f"tasks/{tasks[0]}/annotations/", body).data
    assert (skipped["was_cancelled"], skipped["result"], skipped["lead_time"]) == (True, [], 3)
    assert Vote.objects.get().choice == "unsure"


def test_a_task_never_gets_more_answers_than_it_wants(answer, people, tasks, django_user_model):
    answer(people.ada, tasks[0], "left")
    answer(people.ben, tasks[0], "left")
    cleo = django_user_model.objects.create_user("cleo", is_annotator=True)
    late = answer(cleo, tasks[0], "left")
    assert (late.status_code, late.data["status_code"]) == (400, 400)
    assert "has all 2 votes" in late.data["detail"]


def test_a_task_whose_last_place_somebody_holds_is_refused(answer, people, tasks, project):
    campaign = Campaign.objects.get(id=project)
    for person in (people.mia, people.rita):
        queue.next_faces(campaign, person, 10)
    assert "somebody else has it" in answer(people.ada, tasks[0], "left").data["detail"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"result": None},
        {"result": []},
        {"result": "left"},
        {"result": [3]},
        {"result": said("left")["result"] * 2},
        said("up"),
        said("unsure"),
        {"result": [said("left")["result"][0] | {"from_name": "other"}]},
        {"result": [said("left")["result"][0] | {"to_name": "light"}]},
        {"result": [said("left")["result"][0] | {"type": "labels"}]},
        {"result": [said("left")["result"][0] | {"value": {"choices": ["left", "right"]}}]},
        {"result": [said("left")["result"][0] | {"value": {"choices": [["left"]]}}]},
        {"result": [said("left")["result"][0] | {"value": {"choices": "left"}}]},
        {"result": [said("left")["result"][0] | {"value": ["left"]}]},
        said("left", lead_time=-1),
        said("left", lead_time="long"),
        said("left", completed_by=1),
        said("left", ground_truth=True),
        said("left", was_cancelled=True),
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(ask, people, tasks, body):
    refused = ask(people.ada, "post", f"tasks/{tasks[0]}/annotations/", body)
    assert refused.status_code == 400
    assert refused.data["detail"] == "Validation error"
    assert refused.data["validation_errors"]
    assert not Vote.objects.exists()


def test_annotators_see_their_own_answers_only(ask, answer, people, project, tasks):
    ada = answer(people.ada, tasks[0], "left").data["id"]
    ben = answer(people.ben, tasks[0], "right").data["id"]

    def seen(user: object) -> list[int]:
        (task, *_) = ask(user, "get", f"tasks/?project={project}").data["tasks"]
        one = ask(user, "get", f"tasks/{tasks[0]}").data
        listed = ask(user, "get", f"tasks/{tasks[0]}/annotations/").data
        assert task["annotations"] == one["annotations"] == listed
        assert task["annotators"] == [by["completed_by"] for by in listed]
        return [annotation["id"] for annotation in listed]

    assert seen(people.ada) == [ada]
    assert seen(people.ben) == [ben]
    assert sorted(seen(people.mia)) == sorted([ada, ben])
    assert ask(people.ada, "get", f"annotations/{ben}/").status_code == 404
    assert ask(people.mia, "get", f"annotations/{ben}/").status_code == 200


@pytest.mark.parametrize("person", ["ben", "mia"])
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_nobody_changes_another_s_answer(ask, answer, people, tasks, method, person):
    ada = answer(people.ada, tasks[0], "left").data["id"]
    refused = ask(getattr(people, person), method, f"annotations/{ada}/", said("right"))
    assert (refused.status_code, refused.data["status_code"]) == (403, 403)
    assert refused.data["exc_info"] is None
    # Nor does the refusal tell whether that annotation exists.
    never = number_of(tasks[1], people.ada.id)
    other = ask(getattr(people, person), method, f"annotations/{never}/", said("right"))
    assert other.status_code == 403
    assert Vote.objects.get().choice == "left"


def test_predictions_are_for_managers_only(ask, people, project, tasks):
    turn = Turn.objects.get(id=tasks[0])
    classifier = Classifier.objects.create(
        campaign=turn.campaign, version=3, feature_version="1", weights=b"", card={}
    )
    Suggestion.objects.create(
        campaign=turn.campaign,
        face=turn.face,
        classifier=classifier,
        choice="right",
        probabilities=[0.1, 0.2, 0.7],
    )
    (prediction,) = ask(people.mia, "get", f"tasks/{turn.id}").data["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("penumbra-3", 0.7)
    assert prediction["result"][0]["value"] == {"choices": ["right"]}
    assert ask(people.ada, "get", f"tasks/{turn.id}").data["predictions"] == []
    given = ask(people.ada, "get", f"projects/{project}/next").data
    assert given["predictions"] == []

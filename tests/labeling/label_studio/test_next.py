"""The dialect's queue: what next gives, what trials and catches tell, which tasks are listed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.label_studio.annotations import number_of, parts_of
from labeling.models import Campaign, Lease, Turn, Vote
from tests.labeling.label_studio.client import said


def test_what_a_task_wants_does_not_tell_audits_and_trials_from_questions(ask, people, tasks):
    Turn.objects.filter(id=tasks[0]).update(kind=Turn.Kind.AUDIT, wanted=5)
    seen = [ask(people.ada, "get", f"tasks/{task}").data["overlap"] for task in tasks]
    assert len(set(seen)) == 1
    assert ask(people.mia, "get", f"tasks/{tasks[0]}").data["overlap"] == 5


def test_next_notes_no_suggestion_because_its_client_shows_none(ask, people, project, tasks):
    Turn.objects.update(suggested="left", certainty=90)
    Campaign.objects.update(shows_suggestions=True, blind_share=0.5)
    for _ in tasks:
        given = ask(people.ada, "get", f"projects/{project}/next").data["id"]
        ask(people.ada, "post", f"tasks/{given}/annotations", said("right"))
    votes = Vote.objects.values_list("suggested", "is_blind", "suggestion_shown")
    assert list(votes) == [("", False, False)] * 4
    assert Campaign.objects.get(id=project).shows_suggestions


def test_next_gives_the_same_task_until_it_is_answered(ask, answer, people, project, tasks):
    first = ask(people.ada, "get", f"projects/{project}/next").data["id"]
    assert ask(people.ada, "get", f"projects/{project}/next/").data["id"] == first
    assert Lease.objects.filter(annotator=people.ada).count() == 1
    answer(people.ada, first, "left")
    assert ask(people.ada, "get", f"projects/{project}/next").data["id"] != first


@pytest.fixture
def crowd(django_user_model):
    """One annotator more than the project has places."""
    make = django_user_model.objects.create_user
    return [make(f"one{n}", is_annotator=True) for n in range(9)]


def test_next_gives_nobody_a_place_that_is_taken(ask, crowd, project, tasks):
    given = [ask(person, "get", f"projects/{project}/next") for person in crowd]
    assert [one.status_code for one in given] == [200] * 8 + [404]
    assert sorted(one.data["id"] for one in given[:8]) == sorted(tasks * 2)


def test_a_task_that_was_let_go_comes_to_somebody_else(ask, crowd, people, project, tasks):
    assert ask(people.ada, "get", f"projects/{project}/next").status_code == 200
    Lease.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    given = [ask(person, "get", f"projects/{project}/next").status_code for person in crowd]
    assert given == [200] * 8 + [404]


def test_trials_with_flipped_faces_stay_on_our_pages(ask, answer, people, project, tasks):
    campaign = Campaign.objects.get(id=project)
    Campaign.objects.update(mirror_share=0.2)
    twin = campaign.dataset.faces.last()
    trial = Turn.objects.create(campaign=campaign, face=twin, kind=Turn.Kind.MIRROR, wanted=1)
    until = timezone.now() + timedelta(minutes=3)
    Turn.objects.filter(id=trial.id).update(held=1)
    Lease.objects.create(turn=trial, annotator=people.ada, expires_at=until)
    for _ in tasks:
        given = ask(people.ada, "get", f"projects/{project}/next").data["id"]
        answer(people.ada, given, "left")
    assert ask(people.ada, "get", f"projects/{project}/next").status_code == 404
    assert ask(people.ada, "get", f"tasks/{trial.id}").status_code == 404
    assert ask(people.mia, "get", f"tasks/?project={project}").data["total"] == 4
    assert Campaign.objects.get(id=project).mirror_share == 0.2


def test_answers_to_wrong_suggestions_are_no_evidence(ask, answer, people, project, tasks):
    campaign = Campaign.objects.get(id=project)
    turn = Turn.objects.get(id=tasks[0])
    Vote.objects.create(
        turn=turn,
        annotator=people.ada,
        choice="left",
        suggested="left",
        is_catch=True,
        source="page",
    )
    Turn.objects.filter(id=turn.id).update(had=1)
    assert ask(people.mia, "get", f"tasks/{turn.id}").data["annotations"] == []
    assert len(ask(people.ada, "get", f"tasks/{turn.id}").data["annotations"]) == 1
    export = ask(people.mia, "get", f"projects/{campaign.id}/export?exportType=JSON")
    assert export.getvalue() == b"[]"


def test_whoever_must_pass_the_quiz_first_is_told(ask, answer, people, project, tasks, monkeypatch):
    Campaign.objects.update(quiz=Campaign.Quiz.REQUIRED)
    # Without faces of known answer a quiz cannot be given; here it is as if there were some.
    monkeypatch.setattr("labeling.quizzes.is_given", lambda campaign: True)
    refused = [
        ask(people.ada, "get", f"projects/{project}/next"),
        answer(people.ada, tasks[0], "left"),
    ]
    for one in refused:
        assert one.status_code == 403
        assert "quiz" in one.data["detail"]


def test_only_answered_tasks_are_listed_on_request(ask, answer, people, project, tasks):
    answer(people.ada, tasks[2], "left")

    def listed(user: object) -> list[int]:
        path = f"tasks/?project={project}&only_annotated=true"
        return [task["id"] for task in ask(user, "get", path).data["tasks"]]

    assert listed(people.ada) == listed(people.mia) == [tasks[2]]
    assert listed(people.ben) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?project=all",
        "?project={project}&view=3",
        "?project={project}&selectedItems=[]",
        '?project={project}&query={{"ordering": ["id"]}}',
        '?project={project}&query={{"filters": {{"items": [{{}}]}}}}',
        '?project={project}&query={{"selectedItems": {{"all": false}}}}',
        "?project={project}&query=[",
        "?project={project}&only_annotated=perhaps",
    ],
)
def test_a_selection_that_we_cannot_make_is_refused_instead_of_ignored(ask, people, project, query):
    answer = ask(people.mia, "get", "tasks/" + query.format(project=project))
    assert answer.status_code == 400, answer.data
    assert answer.data["validation_errors"]


def test_numbers_of_annotations_are_unique_and_lead_back():
    assert parts_of(number_of(2**33 - 1, 2**20 - 1)) == (2**33 - 1, 2**20 - 1)
    assert number_of(2**33 - 1, 2**20 - 1) == 2**53 - 1
    with pytest.raises(ValueError, match="1048576"):
        number_of(1, 2**20)

"""Files of outside votes and labels: taken in, checked, stored once, by a worker and by command."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling import imports, queue, uploads, votes, worker
from labeling.errors import Refused
from labeling.models import Act, Adjudication, Import, Refresh, Turn, Vote

VOTES = b"file,annotator,choice\n000001.jpg,a,left\n000001.jpg,b,right\n000002.jpg,a,unsure\n"
LABELS = b"000001.jpg,left\n000002.jpg,right\n"


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light", votes_min=1)


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"


def send(campaign, people, kind, content, **options):
    chunks = [content[:20], content[20:]]
    return uploads.ask_import(
        campaign, kind, chunks, by=people.mia, filename="answers.csv", **options
    )


def work(job):
    worker.run(Import, job.id, imports.run)
    job.refresh_from_db()
    return job


def waiting_files():
    return list((settings.VAR_DIR / "uploads").glob("*"))


@pytest.mark.django_db(transaction=True)
class TestWork:
    def test_votes_are_stored_once_however_often_the_file_is_sent(self, campaign, people):
        first = work(send(campaign, people, "votes", VOTES))
        assert (first.status, first.error) == ("done", None)
        assert (first.figures["stored"], first.figures["duplicate"]) == (3, 0)
        again = work(send(campaign, people, "votes", VOTES))
        assert (again.figures["stored"], again.figures["duplicate"]) == (0, 3)
        assert again.figures["sha256"] == first.figures["sha256"]
        assert votes.standing(campaign).count() == 3
        turn = Turn.objects.get(face__filename="000001.jpg")
        assert (turn.had, turn.wanted) == (2, 2)
        assert waiting_files() == []

    def test_labels_are_votes_of_one_stand_in_with_their_name(self, campaign, people):
        job = work(send(campaign, people, "labels", LABELS, name="earlier study"))
        assert job.figures["stored"] == 2
        cast = Vote.objects.all()
        assert {vote.annotator.username for vote in cast} == {"imported:light:earlier study"}
        assert not Adjudication.objects.exists()

    def test_settled_labels_are_last_words_said_once(self, campaign, people):
        for n_stored in (2, 0):
            job = work(send(campaign, people, "labels", LABELS, settled=True))
            assert (job.status, job.figures["stored"]) == ("done", n_stored), job.error
        work(send(campaign, people, "labels", b"000001.jpg,center\n", settled=True))
        words = Adjudication.objects.order_by("id").values_list("face__filename", "choice")
        assert list(words) == [
            ("000001.jpg", "left"),
            ("000002.jpg", "right"),
            ("000001.jpg", "center"),
        ]
        assert {word.by for word in Adjudication.objects.all()} == {people.mia}
        assert not Vote.objects.exists()

    @pytest.mark.parametrize("kind", ["votes", "labels"])
    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (b"000009.png,a,left\n", "'000009.png' is not in 'light'"),
            (b"000003.jpg,a,up\n", "the choice is 'up'; expected one of"),
            (b"000001.jpg,a,center\n", "'center' of '000001.jpg', and 'left' in row 1"),
            (b"000003.jpg,a,left,more\n", "cells came"),
        ],
    )
    def test_one_wrong_row_is_named_and_nothing_is_stored(
        self, campaign, people, kind, wrong, words
    ):
        if kind == "labels":
            wrong, before = wrong.replace(b",a,", b","), LABELS
            job = work(send(campaign, people, kind, before + wrong, settled=True))
        else:
            job = work(send(campaign, people, kind, VOTES + wrong))
        number = 3 if kind == "labels" else 4
        assert job.status == "failed"
        assert job.error.startswith(f"Row {number}: ")
        assert words in job.error
        assert not Vote.objects.exists()
        assert not Adjudication.objects.exists()
        assert set(Turn.objects.values_list("had", "wanted")) == {(0, 1)}
        assert waiting_files() == []

    def test_mirrored_faces_of_the_same_name_get_no_outside_vote(self, campaign, people, dataset):
        hidden = type(dataset).objects.create(name="hidden", image_folder="/x", mirrors=dataset)
        twin = hidden.faces.create(filename="000001.jpg")
        trial = Turn.objects.create(campaign=campaign, face=twin, kind="mirror", wanted=2)
        assert work(send(campaign, people, "votes", VOTES)).figures["stored"] == 3
        trial.refresh_from_db()
        assert trial.had == 0

    def test_a_second_attempt_after_the_work_was_done_changes_nothing(self, campaign, people):
        job = work(send(campaign, people, "votes", VOTES))
        Import.objects.filter(id=job.id).update(status="queued")
        job = work(job)
        assert (job.status, job.figures["stored"]) == ("done", 3)

    def test_a_cancelled_import_stores_nothing_and_leaves_no_file(self, campaign, people, api):
        job = send(campaign, people, "votes", VOTES)
        for _ in range(2):
            answer = api(people.mia).post(f"/api/imports/{job.id}/cancel")
            assert answer.data["status"] == "cancelled"
        assert work(job).status == "cancelled"
        assert not Vote.objects.exists()
        assert waiting_files() == []
        assert Act.objects.filter(what="import.cancel").count() == 1

    def test_an_import_cancelled_while_it_reads_leaves_no_file(self, campaign, people):
        job = send(campaign, people, "votes", VOTES)

        def cancelled(row, progress):
            Import.objects.filter(id=row.id).update(cancel_requested=True)
            imports.run(row, progress)

        worker.run(Import, job.id, cancelled)
        job.refresh_from_db()
        assert job.status == "cancelled"
        assert not Vote.objects.exists()
        assert waiting_files() == []

    def test_a_real_worker_stores_a_file_and_asks_for_a_refresh(self, campaign, people, worker):
        job = worker.finish(send(campaign, people, "votes", VOTES))
        assert (job.status, job.figures.get("stored")) == ("done", 3), worker.said()
        assert Refresh.objects.filter(campaign=campaign).exists()


def test_who_sent_what_is_recorded(campaign, people):
    job = send(campaign, people, "labels", LABELS, name="study")
    act = Act.objects.get()
    assert (act.what, act.by, act.about) == ("import.labels", people.mia, "light")
    assert act.details["sha256"] == job.figures["sha256"]
    assert act.details["filename"] == "answers.csv"


@pytest.mark.parametrize(
    ("kind", "content", "options", "code"),
    [
        ("votes", b"", {}, "empty_file"),
        ("votes", b"x" * 65, {}, "too_large"),
        ("labels", LABELS, {}, "invalid_name"),
        ("labels", LABELS, {"name": "a\nb"}, "invalid_name"),
    ],
)
def test_a_file_that_cannot_be_is_refused_and_not_kept(
    campaign, people, monkeypatch, kind, content, options, code
):
    monkeypatch.setattr(uploads, "MOST_BYTES", 64)
    with pytest.raises(Refused) as refused:
        send(campaign, people, kind, content, **options)
    assert refused.value.code == code
    assert not Import.objects.exists()
    assert waiting_files() == []


def test_labels_are_imported_by_command(campaign, people, tmp_path, capsys):
    path = tmp_path / "labels.csv"
    path.write_bytes(LABELS)
    call_command("import_labels", "light", path, name="study")
    call_command("import_labels", "light", path, settled_by="mia")
    call_command("import_labels", "light", path, settled_by="mia")
    assert capsys.readouterr().out.splitlines() == [
        "2 votes stored, 0 were there before.",
        "2 last words stored, 0 were there before.",
        "0 last words stored, 2 were there before.",
    ]
    with pytest.raises(CommandError, match="'ada' came; expected the name of a manager"):
        call_command("import_labels", "light", path, settled_by="ada")
    path.write_bytes(b"000001.jpg,up\n")
    with pytest.raises(CommandError, match="Row 1: the choice is 'up'"):
        call_command("import_labels", "light", path, name="study")

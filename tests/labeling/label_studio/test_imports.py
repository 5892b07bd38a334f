"""Which faces imported tasks are about, and what is refused."""

import pytest
from django.urls import reverse

from labeling import queue, refreshes, worker
from labeling.models import (
    Act,
    Campaign,
    Consensus,
    Dataset,
    Face,
    LabelStudioTask,
    Refresh,
    Turn,
)
from tests.labeling.label_studio.client import LIGHT, said


@pytest.fixture
def project(ask, people):
    """The number of a new project."""
    answer = ask(people.mia, "post", "projects/", {"title": "Light", "label_config": LIGHT})
    assert answer.status_code == 201, answer.data
    return answer.data["id"]


@pytest.fixture
def send(ask, people, project):
    """send(image, ...) imports a task for each."""

    def send(*images: object, **data: object) -> object:
        tasks = [{"data": {"picture": image} | data} for image in images]
        return ask(people.mia, "post", f"projects/{project}/import?return_task_ids=true", tasks)

    return send


def complaint(answer: object) -> str:
    assert answer.status_code == 400, answer.data
    return " ".join(text for texts in answer.data["validation_errors"].values() for text in texts)


def asked_about(project: int) -> list[str]:
    turns = Turn.objects.filter(campaign=project).order_by("face__filename")
    return list(turns.values_list("face__filename", flat=True))


def test_file_names_lead_to_our_faces_and_only_those_are_asked_about(send, project, faces):
    assert send("000003.jpg", "000001.jpg").data["task_count"] == 2
    assert asked_about(project) == ["000001.jpg", "000003.jpg"]
    assert Campaign.objects.get(id=project).dataset == faces[0].dataset
    assert not Dataset.objects.filter(name__startswith="label-studio-").exists()


@pytest.mark.parametrize(
    "address",
    [
        "{path}",
        "http://testserver{path}",
        "https://testserver{path}?size=big",
        "/data/local-files/?d=small/000002.jpg",
        "http://testserver/data/local-files/?d=small%2F000002.jpg",
    ],
)
def test_addresses_of_ours_lead_to_our_faces(send, project, faces, address):
    path = reverse("face-image", args=[faces[1].id])
    assert send(address.format(path=path)).status_code == 201
    assert asked_about(project) == ["000002.jpg"]


def test_images_elsewhere_become_faces_that_nobody_fetches(send, project, dataset, people, api):
    images = ["https://example.com/a/000001.jpg", "s3://bucket/2.png", "/data/upload/3.jpg"]
    assert send(*images).status_code == 201
    campaign = Campaign.objects.get(id=project)
    assert campaign.dataset.name == "label-studio-light"
    assert campaign.dataset.n_faces == 3
    assert asked_about(project) == sorted(images)
    face = Face.objects.get(filename=images[0])
    image = api(people.ada).get(reverse("face-image", args=[face.id]))
    assert image.status_code == 404
    assert image.data["code"] == "not_found"
    assert "elsewhere" in image.data["detail"]
    page = api(people.ada).get(reverse("label", args=["light"]))
    assert page.status_code == 200
    assert "These images are elsewhere" in page.content.decode()


def test_answers_about_images_elsewhere_become_what_is_believed(send, project, people, ask):
    images = [f"https://example.com/{n}.jpg" for n in range(12)]
    for task in send(*images).data["task_ids"]:
        ask(people.ada, "post", f"tasks/{task}/annotations", said("left"))
    campaign = Campaign.objects.get(id=project)
    job = campaign.refreshes.get()
    worker.run(Refresh, job.id, refreshes.refresh)
    job.refresh_from_db()
    assert (job.status, job.error) == ("done", None)
    believed = Consensus.objects.filter(campaign=campaign).values_list("choice", flat=True)
    assert list(believed) == ["left"] * 12


def test_another_host_s_address_of_a_face_is_elsewhere(send, project, faces):
    path = reverse("face-image", args=[faces[0].id])
    assert send(f"http://other.example{path}").status_code == 201
    assert Campaign.objects.get(id=project).dataset.is_elsewhere


def test_a_mix_is_refused_with_examples(send, project, faces):
    said = complaint(send("000001.jpg", "https://example.com/2.jpg"))
    assert "'000001.jpg'" in said
    assert "'https://example.com/2.jpg'" in said
    assert asked_about(project) == []
    assert send("000001.jpg").status_code == 201
    assert "'https://example.com/2.jpg'" in complaint(send("https://example.com/2.jpg"))


def test_what_the_first_import_decided_holds_for_the_next(send, project, faces):
    assert send("https://example.com/1.jpg").status_code == 201
    ours = reverse("face-image", args=[faces[0].id])
    assert ours in complaint(send(ours))
    assert send("000001.jpg").status_code == 201, "a name that is one elsewhere too"
    assert Campaign.objects.get(id=project).dataset.is_elsewhere


def test_a_name_that_two_datasets_have_must_say_which(send, project, dataset_of):
    dataset_of(2)
    other = dataset_of(2, name="other")
    said = complaint(send("000001.jpg"))
    assert "['other', 'small']" in said
    assert "/data/local-files/?d=other/000001.jpg" in said
    assert send("/data/local-files/?d=other/000001.jpg").status_code == 201
    assert Campaign.objects.get(id=project).dataset == other


def test_an_address_of_ours_that_leads_nowhere_is_refused(send, faces):
    assert "no face of ours" in complaint(send("/api/faces/999999999999999999/image"))
    assert "has no" in complaint(send("/data/local-files/?d=small/000099.jpg"))


def test_hidden_and_foreign_datasets_are_never_found(send, project, dataset):
    flipped = Dataset.objects.create(
        name="small-mirrored", image_folder=dataset.image_folder, mirrors=dataset
    )
    twin = Face.objects.create(dataset=flipped, filename="twin.jpg")
    assert "no face of ours" in complaint(send(reverse("face-image", args=[twin.id])))
    assert send("twin.jpg").status_code == 201
    assert Campaign.objects.get(id=project).dataset.is_elsewhere


def test_the_same_import_sent_again_adds_nothing(send, project, faces):
    first = send("000001.jpg", "000002.jpg").data
    again = send("000002.jpg", "000001.jpg", "000003.jpg").data
    assert (first["task_count"], again["task_count"]) == (2, 1)
    assert again["task_ids"][:2] == first["task_ids"][::-1]
    assert "now" in complaint(send("000001.jpg", of=8))
    assert LabelStudioTask.objects.count() == 3


def test_two_tasks_about_one_face_must_say_the_same(ask, people, project, faces):
    tasks = [{"picture": "000001.jpg", "n": 1}, {"picture": "000001.jpg", "n": 2}]
    answer = ask(people.mia, "post", f"projects/{project}/import", tasks)
    assert "one task for each" in complaint(answer)
    assert asked_about(project) == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        "tasks",
        [3],
        [{"data": 3}],
        [{"data": {"image": "a.jpg"}}],
        [{"data": {"picture": ""}}],
        [{"data": {"picture": 3}}],
        [{"data": {"picture": "a" * 201}}],
        [{"data": {"picture": "a.jpg", "note": "\0"}}],
        [{"data": {"picture": "a.jpg", "note": "\ud800"}}],
        [{"data": {"picture": "a\0.jpg"}}],
        [{"data": {"picture": "a.jpg"}, "meta": 3}],
        [{"data": {"picture": "a.jpg"}, "annotations": [{"result": []}]}],
        [{"data": {"picture": "a.jpg"}, "predictions": [{"result": []}]}],
    ],
)
def test_a_malformed_import_is_refused_whole(ask, people, project, body):
    answer = ask(people.mia, "post", f"projects/{project}/import", body)
    assert complaint(answer)
    assert Turn.objects.count() == 0


def test_an_address_longer_than_we_keep_is_refused_plainly(send):
    assert "205 letters" in complaint(send("https://" + "a" * 197))


def test_an_import_larger_than_a_request_may_be_is_refused_unread(http, people, project, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = http(people.mia).post(
        f"/label-studio/api/projects/{project}/import",
        [{"picture": f"{n}.jpg"} for n in range(20)],
        format="json",
    )
    assert (answer.status_code, answer.data["status_code"]) == (413, 413)
    assert "expected at most 100" in answer.data["detail"]


def test_a_campaign_of_ours_can_get_data_for_its_faces(ask, people, dataset):
    campaign = queue.create_campaign(dataset, "ours", title="Ours")
    answer = ask(people.mia, "post", f"projects/{campaign.id}/import", [{"image": "000001.jpg"}])
    assert answer.data["task_count"] == 1
    assert campaign.turns.count() == 12
    listed = ask(people.mia, "get", f"tasks/?project={campaign.id}").data["tasks"]
    assert sorted(len(task["data"]) for task in listed) == [1] + [2] * 11


def test_a_bottomless_import_is_refused(http, people, project):
    address = f"/label-studio/api/projects/{project}/import"
    for text in ("[" * 100_000, '{"picture": "1.jpg", "a": ' + "[" * 5000 + "]" * 5000 + "}"):
        answer = http(people.mia).generic("POST", address, text, "application/json")
        assert answer.status_code == 400, answer.data
    assert Turn.objects.count() == 0


def test_imports_are_among_the_manager_s_acts(send, people, faces):
    send("000001.jpg")
    deeds = Act.objects.filter(by=people.mia).order_by("id").values_list("what", flat=True)
    assert list(deeds) == ["campaign.create", "campaign.import"]


def test_faces_imported_here_are_labeled_on_our_own_pages(send, project, faces, people, api, ask):
    send("000001.jpg")
    client = api(people.ada)
    (turn,) = client.post("/api/campaigns/light/turns", {"count": 5}, format="json").data["turns"]
    assert client.get(turn["image"]).status_code == 200
    vote = {"id": "7d1ed9d5-6f83-4c0c-8f52-4f0e2b6d2c11", "face": turn["face"], "choice": "left"}
    stored = client.post("/api/campaigns/light/votes", {"votes": [vote]}, format="json")
    assert stored.data["results"][0]["status"] == "stored"
    (task,) = ask(people.ada, "get", f"tasks/?project={project}").data["tasks"]
    assert task["annotations"][0]["result"][0]["value"] == {"choices": ["left"]}
    # The same answer through this door is that vote; another one is a change.
    path = f"tasks/{task['id']}/annotations/"
    again = ask(people.ada, "post", path, said("left"))
    assert (again.status_code, again.data["id"]) == (200, task["annotations"][0]["id"])
    assert ask(people.ada, "post", path, said("right")).status_code == 400


def test_a_project_s_queue_holds_what_its_client_imported_and_is_never_topped_up(
    send, project, faces
):
    send("000001.jpg")
    campaign = Campaign.objects.get(slug="light")
    assert campaign.dataset.faces.count() > 1
    assert queue.top_up(campaign) == 0
    assert Turn.objects.filter(campaign=campaign).count() == 1

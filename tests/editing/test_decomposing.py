"""The worker's search for directions: rows, previews, files, and a sentence for what cannot be."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import UNet2DModel

from editing import jobs, places, runs
from editing.engine.denoiser import save_generator
from editing.jobs import components
from editing.models import Decomposition, Generator
from editing.runs.components import direction_of
from labeling import worker
from labeling.errors import Refused
from labeling.management.running import nobody
from labeling.models import Face

EYES = {"name": "eyes", "shapes": [{"kind": "rectangle", "box": [0.1, 0.3, 0.9, 0.6]}]}
MOUTH = {"name": "mouth", "shapes": [{"kind": "rectangle", "box": [0.3, 0.7, 0.7, 0.95]}]}


@pytest.fixture
def ask(generator: Generator, faces) -> Callable[..., Decomposition]:
    """A row that waits for its work; ask(rank=3) for another rank."""

    def make(**change: Any) -> Decomposition:
        wanted = {"rank": 4, "steps": 2, "refinements": 0, "regions": [EYES, MOUTH], **change}
        return components.decompose(
            user=None, generator=generator, body={}, ring=nobody, **{"face": faces[0], **wanted}
        )

    return make


def do(job: Decomposition) -> Decomposition:
    worker.run(Decomposition, job.id, runs.decompose)
    job.refresh_from_db()
    return job


class Watched(worker.Progress):
    """A progress that writes at every call, and tells what it was told."""

    def __init__(self, job: Decomposition, on_call: Callable[[str], None] = lambda step: None):
        super().__init__(job)
        self.told: list[tuple[float, str]] = []
        self.on_call = on_call

    def __call__(self, fraction: float, step: str = "") -> None:
        self.told.append((fraction, step))
        self.on_call(step)
        self.written_at = 0
        super().__call__(fraction, step)


def test_a_search_leaves_rows_spectra_previews_and_directions(ask):
    job = do(ask())
    assert (job.status, job.error) == ("done", None)
    regions = {one["name"]: one for one in job.result["regions"]}
    assert set(regions) == {"eyes", "mouth", "rest"}
    for one in regions.values():
        assert one["spectrum"] == sorted(one["spectrum"], reverse=True)
        assert len(one["spectrum"]) == 4
        assert one["joint_rank"] + one["individual_rank"] == 4
    rows = {row.id: row for row in job.components.all()}
    assert {row.method for row in rows.values()} >= {"jive", "locality", "null_space", "svd"}
    assert {row.region for row in rows.values()} <= {"", "eyes", "mouth"}
    assert {one["id"] for one in job.result["components"]} == set(rows)
    folder = places.decomposition_folder(job.id) / job.result["folder"]
    shown = [one for one in job.result["components"] if "preview" in one]
    assert {(one["method"], one["region"]) for one in shown} == {
        (row.method, row.region) for row in rows.values()
    }
    for one in shown:
        assert (folder / one["preview"]).read_bytes().startswith(b"\x89PNG")
    for row in rows.values():
        found = direction_of(row)
        assert found.v.norm() == pytest.approx(1, abs=1e-4)
        assert found.v.shape == (32, 8, 8)
        assert found.mask.shape == (16, 16)


def test_the_most_local_direction_is_more_local_than_the_strongest(ask):
    job = do(ask())
    best = {
        method: max(row.locality for row in job.components.filter(method=method, region="eyes"))
        for method in ("locality", "svd")
    }
    assert best["locality"] > best["svd"]


def test_directions_are_pooled_over_other_people_too(ask, many):
    face = Face.objects.filter(dataset=many).order_by("id").first()
    job = do(ask(face=face, regions=[MOUTH], rank=2, pool={"filter": "dataset=many", "faces": 3}))
    assert (job.status, job.error) == ("done", None)
    people = Face.objects.filter(id__in=[face.id, *job.pool["ids"]]).values("identity").distinct()
    assert people.count() == 4
    rows = job.components.filter(method="pooled")
    assert {row.region for row in rows} == {"mouth"}
    assert [row.index for row in rows.order_by("id")] == list(range(5))
    assert all(row.locality > 0 for row in rows)
    found = direction_of(rows[0])
    assert found.v.norm() == pytest.approx(1, abs=1e-4)
    told = {one["id"]: one for one in job.result["components"]}
    assert "preview" in told[rows[0].id]


def test_directions_settled_on_other_people_follow_a_heads_turn(ask, many):
    face = Face.objects.filter(dataset=many).order_by("id").first()
    pool = {"filter": "dataset=many", "faces": 3, "settle": True}
    job = do(ask(face=face, regions=[MOUTH], rank=2, steps=4, pool=pool))
    assert (job.status, job.error) == ("done", None)
    row, back = job.components.filter(method="settled").order_by("index")
    found = direction_of(row)
    assert float((direction_of(back).v * found.v).sum()) < -0.5
    torch.testing.assert_close(
        direction_of(back).facing(face.landmarks), direction_of(back).v, atol=1e-5, rtol=1e-4
    )
    assert found.v.norm() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(found.facing(face.landmarks), found.v)
    turned = list(face.landmarks)
    turned[4] += 8  # the nose's tip
    # It leads to the same side as the pooled one that it was settled from.
    first = direction_of(job.components.get(method="pooled", index=0)).v
    assert float((first * found.v).sum()) > 0.5
    assert 0.5 < float((found.facing(turned) * found.v).sum()) < 1 - 1e-6
    assert job.components.filter(method="pooled").count() == 5
    told = {one["id"]: one for one in job.result["components"]}
    assert "preview" in told[row.id]


def test_previews_come_long_before_the_end(ask):
    job = worker.claim(Decomposition, ask().id)
    seen: list[tuple[float, int]] = []

    def look(step: str) -> None:
        told = Decomposition.objects.get(id=job.id).result.get("components", [])
        seen.append((progress.told[-1][0], sum("preview" in one for one in told)))

    progress = Watched(job, look)
    runs.decompose(job, progress)
    first = next(fraction for fraction, n_shown in seen if n_shown)
    assert first < 0.5
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)


def test_other_ranks_of_an_equal_search_send_nothing_through_the_network(ask):
    first = do(ask())
    n_searches = len(list(places.search_file("x").parent.iterdir()))
    job = worker.claim(Decomposition, ask(joint_rank=1, individual_rank=2).id)
    progress = Watched(job)
    runs.decompose(job, progress)
    assert not any("Jacobian" in step for _, step in progress.told)
    job.refresh_from_db()
    spectra = [[one["spectrum"] for one in row.result["regions"]] for row in (first, job)]
    assert spectra[0] == spectra[1]
    assert {one["individual_rank"] for one in job.result["regions"]} == {2}
    # Another mask is another search.
    do(ask(regions=[EYES], timestep=301))
    assert len(list(places.search_file("x").parent.iterdir())) == n_searches + 1


def test_a_search_is_cancelled_between_two_products(ask):
    job = worker.claim(Decomposition, ask(timestep=300).id)  # of no earlier test's searches
    n_sent = 0

    def cancel(step: str) -> None:
        nonlocal n_sent
        n_sent += "Jacobian" in step
        Decomposition.objects.filter(id=job.id).update(cancel_requested=n_sent > 0)

    with pytest.raises(worker.Stopped):
        runs.decompose(job, Watched(job, cancel))
    assert n_sent == 1
    assert not job.components.exists()


def test_an_attempt_that_was_taken_over_leaves_no_second_set_of_rows(ask):
    job = do(ask())
    n_rows = job.components.count()
    Decomposition.objects.filter(id=job.id).update(status="queued")
    again = do(job)
    assert again.status == "done"
    assert again.components.count() == n_rows
    assert again.result["folder"] == "2"


def test_directions_whose_file_is_gone_are_refused(ask):
    row = do(ask()).components.first()
    row.decomposition.folder = "/nowhere"
    with pytest.raises(Refused, match="are gone; search again"):
        direction_of(row)


@pytest.fixture
def without_middle(tmp_path, done) -> Generator:
    """A generator whose network has no middle block."""
    folder = tmp_path / "flat"
    unet = UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_type=None,
    )
    save_generator(folder, unet, {"data": "none"})
    return done(
        jobs.add_generator(
            user=None, name="flat", source=str(folder), anywhere=True, body={}, ring=nobody
        )
    )


def test_what_cannot_be_searched_fails_with_a_sentence_and_the_worker_lives_on(
    ask, without_middle, faces
):
    def drawn(rows: list[str]) -> list[dict[str, Any]]:
        return [{"name": "eyes", "shapes": [{"kind": "mask", "rows": rows}]}]

    dot = [
        {"name": "dot", "shapes": [{"kind": "mask", "rows": ["1" + "0" * 15] + ["0" * 16] * 15}]}
    ]
    wrong = {
        "covers no pixel": {"regions": drawn(["0" * 16] * 16)},
        "whole face": {"regions": drawn(["1" * 16] * 16)},
        "expected 16x16": {"regions": drawn(["0110"] * 4)},
        "4 directions per region were asked for; dot has 1 to 3": {"regions": dot},
        "has no middle block": {"generator": without_middle},
    }
    for sentence, change in wrong.items():
        job = ask(timestep=400 + len(sentence))
        # Past the checks of the web: a row may be older than they are.
        for name, value in change.items():
            setattr(job, name, value)
        job.save()
        assert do(job).status == "failed"
        assert sentence in job.error
    assert do(ask()).status == "done"

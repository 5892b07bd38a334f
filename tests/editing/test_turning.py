"""Turning in the worker: closed loops, bottlenecks, films, many faces at once, and faults."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import ExifTags, Image

from editing import jobs, places
from editing.engine.calibration import Calibration, Curve
from editing.engine.closed_loop import Aim
from editing.engine.ddim import generate, time_grid
from editing.engine.denoiser import load_denoiser
from editing.engine.lines import RotationFit, YawLine
from editing.models import Direction, Edit
from editing.runs.turning import Loop, Source, Turner
from labeling import worker
from labeling.errors import Refused
from labeling.images import image_path
from labeling.management.running import nobody
from labeling.models import Dataset, Job
from labeling.worker import Progress

Done = Callable[[Job], Job]


def line(slope: np.ndarray) -> YawLine:
    return YawLine(np.zeros_like(slope), slope, np.zeros(3), 1.0, 1.0)


@pytest.fixture(scope="module")
def denoiser(generator_folder: Path):
    return load_denoiser(generator_folder)


@pytest.fixture
def source() -> Source:
    draw = torch.Generator().manual_seed(3)
    x_t = torch.randn(3, 16, 16, generator=draw, dtype=torch.float64)
    return Source(torch.zeros(3, 16, 16), x_t, 2.0)


def test_a_bottleneck_is_moved_and_the_noisy_face_is_not(denoiser, source: Source) -> None:
    grid = time_grid(denoiser.alpha_bar, 4, 500)
    h, _ = denoiser.encode(source.x_t[None], grid[-1])
    slope = 0.1 * np.random.default_rng(0).normal(size=math.prod(h.shape[1:]))
    turner = Turner(denoiser, grid, RotationFit(line(slope), line(slope)), kind="h")
    made = turner.stepped(source, [10.0, 40.0])
    assert made.shape == (3, 3, 16, 16)
    whole = generate(denoiser, source.x_t[None], grid)[0]
    torch.testing.assert_close(made[0], whole, atol=1e-5, rtol=0)
    near, far = ((made[at] - made[0]).abs().mean() for at in (1, 2))
    assert 0 < near < far
    frames = turner.frames(source, [0.0, 10.0, 40.0])
    assert frames.shell[0] == pytest.approx(1)
    assert frames.shell[2] != pytest.approx(1)
    assert frames.x[0].abs().max() < 1e-5  # the photo


def test_a_loop_walks_until_its_reading_is_the_wish(denoiser, source: Source) -> None:
    grid = time_grid(denoiser.alpha_bar, 4, 500)
    slope = 0.02 * np.random.default_rng(0).normal(size=3 * 16 * 16)
    curve = Curve((0.0, 20.0, 60.0), (0.0, 20.0, 60.0))
    calibration = Calibration(curve, curve)
    light = 0.3 * np.random.default_rng(1).normal(size=3 * 16 * 16)
    fit = RotationFit(line(slope), line(slope), {"light": light})
    turner = Turner(denoiser, grid, fit, calibration, motion="straight")
    ahead, aside = (torch.from_numpy(v).reshape(3, 16, 16) for v in (slope, light))
    answers = turner.stepped(source, [30.0])
    scale = 45.0 / float(((answers[1] - answers[0]) * ahead).sum())

    def read(x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """This face turns half again as far as the calibration says; its light drifts."""
        yaw = scale * (x * ahead).sum((1, 2, 3)).numpy()
        return yaw, np.tanh(0.02 * yaw + 0.05 * (x * aside).sum((1, 2, 3)).numpy())

    wishes = [-30.0, 0.0, 30.0]
    open_ended = turner.frames(source, wishes)
    closed = turner.frames(source, wishes, loop=Loop(read, Aim(rounds=4, tolerance_degrees=0.5)))
    photo = float(read(source.photo[None].double())[0][0])
    achieved = read(closed.x)[0] - photo
    assert np.abs(achieved - wishes).max() <= 0.5
    assert np.abs(read(open_ended.x)[0] - photo - wishes).max() > 5
    assert closed.rounds.tolist()[1] == 0
    assert closed.rounds.max() <= 4
    assert not closed.across.any()
    held = turner.frames(source, wishes, loop=Loop(read, Aim(), holds_light=True))
    assert held.across.any()
    drift = [np.abs(read(frames.x)[1] - read(closed.x[1:2])[1]).max() for frames in (closed, held)]
    assert drift[1] < drift[0]


@pytest.fixture
def turned(direction: Direction, many: Dataset, done: Done) -> Edit:
    face = many.faces.get(filename="000026.jpg")
    return done(
        jobs.turn(
            user=None, face=face, direction=direction, degrees=[-20, 0, 20], closed_loop=True,
            hold_light=True, body={}, ring=nobody,
        )
    )  # fmt: skip


def test_a_closed_loop_is_told_frame_by_frame(turned: Edit) -> None:
    assert (turned.status, turned.error) == ("done", None)
    assert turned.settings == {"closed_loop": True, "hold_light": True}
    low, photo, high = turned.result["frames"]
    assert photo["rounds"] == 0
    assert 1 <= low["rounds"] <= 4
    assert photo["shell"] == pytest.approx(1)
    assert photo["identity"]["cosine"] == pytest.approx(1, abs=1e-3)
    assert -1 <= high["identity"]["cosine"] <= 1
    card = turned.result["probe"]
    assert len(card["steering_errors"]) == 2
    assert 0 <= card["identity"]["auc"] <= 1
    folder = places.edit_folder(turned.id) / turned.result["folder"]
    small, large = (Image.open(folder / turned.result[n]) for n in ("strip", "strip_large"))
    assert large.width > 1.5 * small.width
    assert turned.result["enlarged"] == {"by": "Lanczos", "scale": 4, "pixels": 16}
    with av.open(str(folder / turned.result["video"])) as film:
        assert sum(1 for _ in film.decode(video=0)) == 5


def test_every_file_of_a_turned_head_tells_how_to_make_it_again(turned: Edit) -> None:
    folder = places.edit_folder(turned.id) / turned.result["folder"]
    told = [json.loads(Image.open(path).text["penumbra"]) for path in sorted(folder.glob("*.png"))]
    assert len(told) == 5
    with Image.open(folder / turned.result["animation"]) as played:
        told.append(json.loads(played.getexif()[ExifTags.Base.ImageDescription]))
    with av.open(str(folder / turned.result["video"])) as film:
        told.append(json.loads(film.metadata["comment"]))
    lines = places.direction_file(turned.direction_id).read_bytes()
    for recipe in told:
        assert (recipe["face"], recipe["dataset"]) == ("000026.jpg", "many")
        assert recipe["direction"]["generator"]["sha256"] == turned.direction.generator.sha256
        assert recipe["direction"]["lines_sha256"] == hashlib.sha256(lines).hexdigest()
        assert recipe["degrees"] == [-20, 0, 20]
        assert (recipe["closed_loop"], recipe["hold_light"]) == (True, True)
        assert (recipe["light_held"], recipe["light_of"]) == (turned.result["light_held"], None)
        assert recipe["steps"] == 6
        assert len(recipe["code"]["sources_sha256"]) == 64
    assert [one["shows"]["degrees"] for one in told[:3]] == [-20, 0, 20]


def test_holding_the_light_needs_the_loop(direction: Direction, many: Dataset) -> None:
    with pytest.raises(Refused, match="hold_light needs closed_loop"):
        jobs.turn(
            user=None, face=many.faces.first(), direction=direction, degrees=[5], hold_light=True,
            body={}, ring=nobody,
        )  # fmt: skip


def test_a_direction_whose_file_is_gone_says_so_and_the_next_try_goes_on(
    direction: Direction, many: Dataset, done: Done
) -> None:
    def ask() -> Edit:
        return done(
            jobs.turn(
                user=None, face=many.faces.first(), direction=direction, degrees=[5], body={},
                ring=nobody,
            )
        )  # fmt: skip

    path = places.direction_file(direction.id)
    content = path.read_bytes()
    path.unlink()
    lost = ask()
    assert lost.status == "failed"
    assert f"is gone; fit direction {direction.id} again" in lost.error
    path.write_bytes(content)
    assert ask().status == "done"


def test_a_cancelled_turn_leaves_no_result(direction: Direction, many: Dataset) -> None:
    from editing.runs.rendering import render_edit

    job = jobs.turn(
        user=None, face=many.faces.first(), direction=direction, degrees=[5, 10], body={},
        ring=nobody,
    )  # fmt: skip

    def cancelled_meanwhile(row: Edit, progress: Progress) -> None:
        Edit.objects.filter(id=row.id).update(cancel_requested=True)
        render_edit(row, progress)

    worker.run(Edit, job.id, cancelled_meanwhile)
    job.refresh_from_db()
    assert (job.status, job.result) == ("cancelled", {})


def test_many_faces_are_turned_and_one_that_cannot_be_is_named(
    direction: Direction, many: Dataset, tmp_path: Path
) -> None:
    broken = many.faces.filter(identity=1).order_by("id").first()
    image_path(broken).write_bytes(b"no picture")
    out = io.StringIO()
    call = ["turn", str(direction.id), "--filter", "identity=1,2", "--degrees", "0", "20"]
    call_command(*call, "--out", str(tmp_path), stdout=out)
    told = out.getvalue()
    assert f"Not turned: {broken.filename}" in told
    assert "5 faces; yaw off by" in told
    with (tmp_path / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * 2
    assert {row["degrees"] for row in rows} == {"0.0", "20.0"}
    before = Edit.objects.filter(status="done").count()
    call_command(*call, stdout=io.StringIO())
    assert Edit.objects.filter(status="done").count() == before == 5


def test_which_faces_to_turn_is_said_once(direction: Direction) -> None:
    with pytest.raises(CommandError, match="one of both"):
        call_command("turn", str(direction.id))
    with pytest.raises(CommandError, match="No face of 'many' passes 'identity=77777'"):
        call_command("turn", str(direction.id), "--filter", "identity=77777")

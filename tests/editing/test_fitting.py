# ruff: noqa: F811 fixtures are asked for by their names
"""How a direction is fitted, on latents that follow a planted rule instead of any network's."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from editing import places
from editing.engine.clusters import mirrored
from editing.models import Direction, Embedding, Generator
from editing.runs import local_fits, rendering
from editing.runs.fitting import fit_direction, fit_for
from editing.runs.keeping import keep, stored_fit
from editing.runs.loading import store_of
from labeling import worker
from labeling.errors import Refused
from labeling.models import Consensus, Dataset, Face, Release, ReleasedLabel
from labeling.worker import Progress, Stopped
from tests.editing.planting import (  # noqa: F401 the fixtures
    PROBABILITIES,
    SLOPES,
    WIDE,
    D,
    Done,
    ask,
    choices_of,
    few_are_measured,
    fitted,
    lit,
    planted,
)


def test_thin_bins_climb_down_the_ladder_and_say_so(ask: Callable[..., Direction]) -> None:
    plain = fitted(ask("consensus=left", WIDE, fewest=2))
    assert {one["rung"] for one in plain.result["bins"]} == {"exact"}
    assert choices_of(plain) == {("left", False)}
    strict = fitted(ask("consensus=left&attributes=Smiling,-Young,Eyeglasses", WIDE))
    rungs = [one["rung"] for one in strict.result["bins"]]
    known = {
        "exact", "without Eyeglasses", "without -Young, Eyeglasses", "only the light", "mirrored",
        "left out",
    }  # fmt: skip
    assert len(set(rungs)) > 1
    assert set(rungs) <= known
    for one in strict.result["bins"]:
        assert one["n_exact"] <= one["count"]
        assert one["count"] >= 5 or one["rung"] in ("mirrored", "left out")


def test_a_ladder_never_mixes_the_sides_of_the_light(ask: Callable[..., Direction]) -> None:
    # More than the side's own faces can fill: every bin asks for mirrored ones.
    found = fitted(ask("consensus=left", WIDE, fewest=40))
    assert choices_of(found) == {("left", False), ("right", True)}
    assert {one["rung"] for one in found.result["bins"]} == {"mirrored"}
    assert (found.chosen.used.light < -0.5).all()
    assert found.result["n_mirrored"] == sum(one["n_mirrored"] for one in found.result["bins"])


def test_relaxed_attributes_are_given_up_last_named_first(ask: Callable[..., Direction]) -> None:
    # Half the faces are Male, none of these is 16 things at once: bits are the face's number.
    found = fitted(ask("attributes=Male,Eyeglasses", WIDE, fewest=12))
    for one in found.result["bins"]:
        if one["rung"] == "without Eyeglasses":
            break
    else:
        raise AssertionError([one["rung"] for one in found.result["bins"]])
    inside = found.chosen.used
    of = (inside.yaw >= one["yaw_min"]) & (inside.yaw < one["yaw_max"]) & ~inside.is_mirrored
    assert (inside.attributes[of] & 1 == 1).all()
    assert len(set((inside.attributes[of] >> 3 & 1).tolist())) == 2


def test_a_mirrored_fit_is_the_same_to_both_sides(ask: Callable[..., Direction]) -> None:
    found = fitted(ask("", [-45, -25, -5, 5, 25, 45], mirror=True))
    assert found.result["n_mirrored"] * 2 == pytest.approx(found.result["n_faces"], abs=6)
    left = mirrored(found.fit.left.slope[None], 3, 16, 16)[0]
    assert np.corrcoef(left, -found.fit.right.slope)[0, 1] > 0.98


def test_bins_of_equal_count_are_cut_by_the_faces(ask: Callable[..., Direction]) -> None:
    found = fitted(ask("", WIDE, bin_rule="count"))
    counts = [one["count"] for one in found.result["bins"]]
    assert len(counts) == len(WIDE) - 1
    assert max(counts) - min(counts) <= 4
    assert found.chosen.edges[0] == WIDE[0]


def test_a_line_tells_its_intervals_and_what_other_people_say(
    ask: Callable[..., Direction],
) -> None:
    found = fitted(ask("consensus=left", WIDE, bootstraps=40))
    line = found.result["lines"]["right"]
    low, middle, high = line["spread"]["slope_norm"]
    assert 0 < low <= middle <= high < 2 * line["slope_norm"]
    assert 0.9 < line["spread"]["cosine"][0] <= 1
    # These faces are their yaw and little else.
    assert 0.8 < line["held_out"]["r2"] < 1
    assert line["held_out"]["centroids_r2"] > 0.9
    assert len(found.result["pca"]["centroids"]) == 5
    json.dumps(found.result, allow_nan=False)


def test_the_light_is_subtracted_and_its_own_slope_told(ask: Callable[..., Direction]) -> None:
    for points in ("centroids", "faces"):
        found = fitted(ask("", WIDE, subtract=["light", "Male"], points=points))
        assert set(found.fit.beside) == {"light", "Male"}
        assert found.fit.light.shape == (D,)
        assert found.result["beside"]["light"]["slope_norm"] > 0
        assert found.result["n_without_light"] == 0
    json.dumps(found.result, allow_nan=False)


def test_faces_of_unknown_light_are_counted_where_it_is_subtracted(
    ask: Callable[..., Direction], lit: Dataset
) -> None:
    Consensus.objects.filter(face__in=lit.faces.order_by("id")[:30]).delete()
    found = fitted(ask("", WIDE, subtract=["light"]))
    assert 0 < found.result["n_without_light"] <= 30
    assert set(fitted(ask("", WIDE)).fit.beside) == set()


def test_fitting_twice_gives_the_same_bits(ask: Callable[..., Direction], done: Done) -> None:
    recipe = {"subtract": ["light"], "bootstraps": 5, "motion": "slerp"}
    first, second = done(ask("", WIDE, **recipe)), done(ask("", WIDE, **recipe))
    assert (first.status, first.error) == ("done", None)
    paths = [places.direction_file(row.id) for row in (first, second)]
    one, two = map(load_file, paths)
    assert one.keys() == two.keys() >= {"left.slope", "right.slope", "beside.light"}
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    assert first.result == second.result
    with safe_open(paths[0], "np") as file:
        made = json.loads(file.metadata()["made_with"])
    assert made == first.result["made_with"]
    assert made["recipe"]["subtract"] == ["light"]
    assert made["generator_sha256"] == first.generator.sha256
    assert len(made["code"]["sources_sha256"]) == 64
    assert sum(made["counts"]) == first.result["n_faces"]


def test_faces_lit_alike_borrow_the_slope_of_the_light(ask: Callable[..., Direction]) -> None:
    """One side's faces do not say how light looks when it moves; those of all sides do."""

    def kept(query: str) -> Direction:
        job = ask(query, WIDE)
        found = fitted(job)
        keep(job, found.fit, found.chosen.used, found.tones, found.chosen.edges, {})
        Direction.objects.filter(id=job.id).update(status="done")
        return job

    alike = kept("campaign=light&consensus=left")
    assert rendering.light_of(alike) is None
    everybody = kept("campaign=light")
    assert rendering.light_of(everybody) == everybody
    assert rendering.light_of(alike) == everybody
    own = stored_fit(alike)
    lent = rendering.with_light(own, everybody)
    assert np.array_equal(lent.light, stored_fit(everybody).light)
    assert np.array_equal(lent.left.slope, own.left.slope)
    places.direction_file(everybody.id).unlink()
    assert rendering.light_of(alike) is None


def test_slopes_are_local_to_the_source(ask: Callable[..., Direction], lit: Dataset) -> None:
    job = ask("", WIDE, weights="similar")
    found = fitted(job)
    keep(job, found.fit, found.chosen.used, found.tones, found.chosen.edges, {})
    of = dict(Consensus.objects.values_list("face_id", "choice"))
    held_out = [face for face in lit.faces.all() if face.id in set(found.chosen.held_out.id)]
    for side in ("left", "right"):
        face = next(face for face in held_out if of[face.id] == side)
        local = fit_for(job, face)
        assert local.is_local
        for line in (local.left, local.right):
            assert np.corrcoef(line.slope, SLOPES[side])[0, 1] > 0.95
        assert np.corrcoef(found.fit.right.slope, SLOPES[side])[0, 1] < 0.9
        assert fit_for(job, face) is local
    # Nothing like it: the direction's own lines.
    Consensus.objects.filter(face=face).update(probabilities=[0.0, 1.0, 0.0])
    local_fits._local.cache_clear()
    assert not fit_for(job, face).is_local


def test_the_light_of_a_source_is_what_the_release_says_not_what_was_voted_since(
    ask: Callable[..., Direction], lit: Dataset
) -> None:
    then = list(Consensus.objects.all())
    release = Release.objects.create(campaign=then[0].campaign, number=1, status="done")
    fields = ("face_id", "choice", "probability", "probabilities", "source")
    ReleasedLabel.objects.bulk_create(
        ReleasedLabel(release=release, n_votes=1, **{name: getattr(one, name) for name in fields})
        for one in then
    )
    Consensus.objects.update(choice="right", probabilities=PROBABILITIES["right"])
    job = ask(f"release={release.id}", WIDE, weights="similar")
    found = fitted(job)
    keep(job, found.fit, found.chosen.used, found.tones, found.chosen.edges, {})
    of = {one.face_id: one.choice for one in then}
    apart = [face for face in lit.faces.all() if face.id in set(found.chosen.held_out.id)]
    for side in ("left", "right"):
        face = next(face for face in apart if of[face.id] == side)
        local = fit_for(job, face)
        assert local.is_local
        assert np.corrcoef(local.right.slope, SLOPES[side])[0, 1] > 0.95
    # What the release leaves out has no light to be compared by.
    ReleasedLabel.objects.filter(face=face).delete()
    local_fits._local.cache_clear()
    assert np.corrcoef(fit_for(job, face).right.slope, SLOPES[side])[0, 1] < 0.9


def test_without_similar_weights_every_face_has_the_direction_s_own_lines(
    ask: Callable[..., Direction], lit: Dataset
) -> None:
    job = ask("", WIDE)
    found = fitted(job)
    keep(job, found.fit, found.chosen.used, found.tones, found.chosen.edges, {})
    own = fit_for(job, lit.faces.first())
    assert np.array_equal(own.left.slope, stored_fit(job).left.slope)


def test_latents_of_another_size_are_told(
    ask: Callable[..., Direction], planted: Embedding, generator: Generator
) -> None:
    store = store_of(generator, planted.space)
    for path in store.folder.iterdir():
        path.unlink()
    ids = list(Face.objects.values_list("id", flat=True))
    store.write(ids, np.zeros((len(ids), 12)))
    with pytest.raises(Refused, match="have 12 numbers; the generator makes pictures of 16 x 16"):
        fitted(ask("", WIDE))


def test_a_filter_that_leaves_nothing_is_told(ask: Callable[..., Direction], done: Done) -> None:
    job = ask("consensus=left")
    Consensus.objects.filter(choice="left").update(choice="center")
    row = done(job)
    assert row.status == "failed"
    assert row.error == "No face with a yaw passes the filter 'consensus=left'."


def test_a_bin_of_two_faces_is_used_and_counted(ask: Callable[..., Direction]) -> None:
    found = fitted(ask("", [*WIDE[:-1], 45, 49, 50], fewest=2))
    last = found.result["bins"][-1]
    assert (last["count"], last["used"]) == (2, True)


def test_a_fit_that_is_cancelled_or_killed_goes_on_at_the_next_try(
    ask: Callable[..., Direction], done: Done
) -> None:
    job = ask("", WIDE)

    class Killed(BaseException):
        """What a kill looks like from inside: nothing gets to write the row's end."""

    def until_killed(row: Direction, progress: Progress) -> None:
        class Dying(Progress):
            def __call__(self, fraction: float, step: str = "") -> None:
                if fraction > 0.85:
                    raise Killed

        fit_direction(row, Dying(row))

    with pytest.raises(Killed):
        worker.run(Direction, job.id, until_killed)
    Direction.objects.filter(id=job.id).update(heartbeat_at="2020-01-01T00:00Z")
    done(job)
    assert (job.status, job.attempt) == ("done", 2)
    assert load_file(places.direction_file(job.id))["left.slope"].shape == (D,)

    def cancelled_meanwhile(row: Direction, progress: Progress) -> None:
        Direction.objects.filter(id=row.id).update(cancel_requested=True)
        with pytest.raises(Stopped):
            fit_direction(row, progress)
        raise Stopped

    other = ask("", WIDE)
    worker.run(Direction, other.id, cancelled_meanwhile)
    other.refresh_from_db()
    assert other.status == "cancelled"

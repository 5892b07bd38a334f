"""What is planted is found, by every recipe, from sums alone."""

import numpy as np
import pytest

from editing.engine.clusters import mirrored
from editing.engine.intervals import Refits
from editing.engine.moments import Moments, fit_moments

EDGES = [-40.0, -30, -20, -10, 0, 10, 20, 30, 40]
D = 12
DRAW = np.random.default_rng(6)
LEFT, RIGHT, LIGHT, HAT = DRAW.normal(size=(4, D))
LIGHT, HAT = 20 * LIGHT, 10 * HAT


def faces(n: int = 3000, noise: float = 1.0) -> tuple[np.ndarray, ...]:
    """Latents in which the light goes with yaw, as where people turn to the lamp."""
    draw = np.random.default_rng(7)
    yaw = draw.uniform(-40, 40, n)
    light = np.clip(yaw / 40 + draw.normal(0, 0.5, n), -1, 1)
    beside = np.stack([light, draw.random(n) < 0.3], axis=1).astype(float)
    latents = np.minimum(yaw, 0)[:, None] * LEFT + np.maximum(yaw, 0)[:, None] * RIGHT
    latents += beside @ np.stack([LIGHT, HAT]) + draw.normal(scale=noise, size=(n, D))
    return latents.astype(np.float16), yaw, beside, draw.uniform(0.5, 1.5, n)


def summed(parts: tuple[np.ndarray, ...], chunk: int = 250, **options: object) -> Moments:
    latents, yaw, beside, weights = parts
    moments = Moments(
        EDGES, D, yaw, weights=weights, names=("light", "Hat"), beside=beside, **options
    )
    for at in range(0, len(yaw), chunk):
        moments.add(latents[at : at + chunk], np.arange(chunk), np.arange(at, at + chunk))
    return moments


def test_what_stands_beside_yaw_is_subtracted_and_told():
    moments = summed(faces())
    plain = fit_moments(moments)
    assert np.linalg.norm(plain.right.slope - RIGHT) > 0.3 * np.linalg.norm(RIGHT)
    for points in ("centroids", "faces"):
        joint = fit_moments(moments, points=points, subtract=("light", "Hat"))
        assert np.allclose(joint.left.slope, LEFT, atol=0.05)
        assert np.allclose(joint.right.slope, RIGHT, atol=0.05)
        assert np.allclose(joint.light, LIGHT, atol=0.3)
        assert np.allclose(joint.beside["Hat"], HAT, atol=0.3)
        assert joint.right.r_squared > 0.99
    # The light's own slope is told also where nothing is subtracted.
    assert np.allclose(plain.light, LIGHT, atol=1)


def test_the_line_through_all_faces_is_their_least_squares():
    latents, yaw, beside, weights = parts = faces(1000)
    hinge = np.stack([np.ones(1000), np.minimum(yaw, 0), np.maximum(yaw, 0), beside[:, 0]], axis=1)
    root = np.sqrt(weights)[:, None]
    exact, *_ = np.linalg.lstsq(hinge * root, latents.astype(float) * root)
    fit = fit_moments(summed(parts), points="faces", subtract=("light",))
    assert np.allclose(fit.left.slope, exact[1], atol=1e-5)
    assert np.allclose(fit.right.slope, exact[2], atol=1e-5)
    at_mean = exact[0] + np.average(beside[:, 0], weights=weights) * exact[3]
    assert np.allclose(fit.right.origin, at_mean, atol=1e-4)
    assert np.allclose(fit.light, exact[3], atol=0.1)
    one = fit_moments(summed(parts), points="faces", lines="one")
    straight = np.stack([np.ones(1000), yaw], axis=1)
    exact, *_ = np.linalg.lstsq(straight * root, latents.astype(float) * root)
    assert np.allclose(one.left.slope, exact[1], atol=1e-5)
    assert np.allclose(one.right.slope, exact[1], atol=1e-5)


def test_a_ridge_shortens_the_line_through_faces_too():
    moments = summed(faces(1000))
    plain = fit_moments(moments, points="faces", lines="one").right.slope
    # As much again as yaw's own spread halves the slope.
    _, yaw, _, weights = faces(1000)
    spread = np.average((yaw - np.average(yaw, weights=weights)) ** 2, weights=weights)
    half = fit_moments(moments, points="faces", lines="one", ridge=spread).right.slope
    assert np.allclose(half, plain / 2, atol=1e-6)


def test_what_does_not_vary_is_left_out():
    latents, yaw, beside, weights = faces(500)
    beside[:, 1] = 1
    fit = fit_moments(summed((latents, yaw, beside, weights)), subtract=("light", "Hat"))
    assert set(fit.beside) == {"light"}


def test_a_mirrored_face_counts_as_its_mirror_image():
    latents, yaw, beside, weights = faces(500)
    flips = np.random.default_rng(8).random(500) < 0.5
    picture = (1, 3, 4)
    meant = summed((latents, yaw, beside, weights), is_mirrored=flips, picture=picture)
    whole = np.where(flips[:, None], mirrored(latents, *picture), latents)
    by_hand = summed((whole, yaw, beside, weights))
    for options in ({}, {"points": "faces", "subtract": ("light",)}):
        a, b = fit_moments(meant, **options), fit_moments(by_hand, **options)
        assert np.allclose(a.left.slope, b.left.slope, atol=1e-6)
        assert np.allclose(a.light, b.light, atol=1e-5)


def test_sums_per_bin_refuse_a_recipe_that_needs_more():
    moments = summed(faces(500), is_joint=False)
    assert fit_moments(moments).right is not None
    with pytest.raises(ValueError, match="Only sums per bin"):
        fit_moments(moments, points="faces")


def refits_of(parts: tuple[np.ndarray, ...], people: np.ndarray, **options: object) -> Refits:
    found = Refits(
        summed(parts),
        people,
        draws=60,
        dimensions=D,
        generator=np.random.default_rng(9),
        **options,
    )
    for at in range(0, len(people), 100):
        rows = np.arange(at, at + 100)
        found.add(parts[0], rows, rows)
    return found


@pytest.mark.parametrize("options", [{}, {"points": "faces", "subtract": ("light",)}])
def test_a_refit_is_the_fit_of_the_people_drawn(options):
    latents, yaw, beside, weights = parts = faces(1000)
    people = np.arange(1000) // 4
    refits = refits_of(parts, people, **options)
    times = refits.times[5][people]
    drawn = fit_moments(summed((latents, yaw, beside, weights * times)), **options)
    assert np.allclose(refits.slopes["left"][5], drawn.left.slope, atol=1e-4)
    assert np.allclose(refits.slopes["right"][5], drawn.right.slope, atol=1e-4)


def test_intervals_narrow_as_faces_grow_quieter():
    people = np.arange(1000) // 4
    quiet, loud = (
        refits_of(parts, people).spread(fit_moments(summed(parts)))
        for parts in (faces(1000, noise=1.0), faces(1000, noise=30.0))
    )
    assert quiet["right"].n_refits == 60
    assert quiet["right"].cosine[0] > loud["right"].cosine[0]
    low, middle, high = loud["right"].norm
    assert 0.3 < low < middle < high < 3


def test_misfitting_faces_are_refused():
    with pytest.raises(ValueError, match=r"weights \(2,\)"):
        Moments(EDGES, D, np.zeros(3), weights=np.ones(2))
    with pytest.raises(ValueError, match="finite"):
        Moments(EDGES, D, np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="shape of a latent is not known"):
        Moments(EDGES, D, np.zeros(2), is_mirrored=np.array([True, False]))

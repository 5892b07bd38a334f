"""Numbers of appearance: exact in the mirror, and able to learn what light's numbers can't."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from labeling.learning import appearance, features
from labeling.learning.appearance import HEIGHT, WIDTH, Basis
from labeling.learning.classifier import fit
from labeling.learning.looking import CROP_BOX, SIZE
from lightstage.landmarks import landmarks
from lightstage.people import draw_person, draw_shot
from lightstage.render import render

NOWHERE = np.full((1, 5, 2), np.nan)


def noise(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 256, (n, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return whole, rng.integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8)


def raw_of(whole: np.ndarray, crops: np.ndarray, yaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.tile(NOWHERE, (len(whole), 1, 1))
    return appearance.extract(whole, crops, yaw=yaw, landmarks=points)


def basis_of(odd: np.ndarray, even: np.ndarray) -> Basis:
    return appearance.fit_basis(np.hstack([odd, even]), odd.shape[1])


def test_the_mirrored_face_has_the_vector_with_the_odd_numbers_negated() -> None:
    whole, crops = noise(30)
    yaw = np.linspace(-40, 40, 30)
    here = raw_of(whole, crops, yaw)
    basis = basis_of(*here)
    flipped = raw_of(whole[:, :, ::-1].copy(), crops[:, :, ::-1].copy(), -yaw)
    there = basis.project(np.hstack(flipped))
    expected = basis.project(np.hstack(here)) * basis.mirror_signs()
    np.testing.assert_allclose(there, expected, atol=1e-4)
    assert np.abs(expected).max() > 1


def test_a_basis_comes_back_from_its_bytes_and_another_version_is_refused_by_name() -> None:
    whole, crops = noise(12)
    odd, even = raw_of(whole, crops, np.zeros(12))
    basis = basis_of(odd, even)
    again = Basis.from_bytes(basis.to_bytes())
    raw = np.hstack([odd, even])
    np.testing.assert_array_equal(again.project(raw), basis.project(raw))
    older = basis.to_bytes().replace(appearance.VERSION.encode(), b"appearance-0")
    with pytest.raises(ValueError, match="'appearance-0', expected 'appearance-1'"):
        Basis.from_bytes(older)


def test_what_never_differs_between_faces_says_nothing() -> None:
    grey = np.full((3, HEIGHT, WIDTH, 3), 128, np.uint8), np.full((3, SIZE, SIZE, 3), 128, np.uint8)
    odd, even = raw_of(*grey, np.zeros(3))
    basis = basis_of(odd, even)
    assert np.isfinite(basis.project(np.hstack([odd, even]))).all()
    assert not basis.project(np.hstack([odd, even])).any()


def test_pictures_of_another_size_are_refused() -> None:
    whole, crops = noise(1)
    with pytest.raises(
        ValueError, match=r"uint8 \(1, 64, 72, 3\), expected uint8 \(n, 88, 72, 3\)"
    ):
        raw_of(whole[:, :64], crops, np.zeros(1))


@pytest.fixture(scope="module")
def dark_and_fair() -> Callable[[], tuple[np.ndarray, ...]]:
    """A hundred rendered faces of as many people, half of them with black hair, half with fair."""
    pictures, points, yaw, is_dark, identity = [], [], [], [], 0
    while len(pictures) < 100:
        identity += 1
        person = draw_person(31, identity)
        dark = person.hair_colour_name == "black"
        if person.hair_style == "bald" or person.hair_colour_name not in ("black", "blond"):
            continue
        if is_dark.count(dark) == 50:
            continue
        shot = draw_shot(31, identity, 0)
        pictures.append(Image.fromarray(render(person, shot)))
        points.append(landmarks(person, shot))
        yaw.append(shot.yaw_degrees)
        is_dark.append(dark)
    box = Image.Resampling.BOX
    whole = np.stack([np.asarray(one.resize((WIDTH, HEIGHT), box)) for one in pictures])
    crops = np.stack([np.asarray(one.resize((SIZE, SIZE), box, CROP_BOX)) for one in pictures])
    return whole, crops, np.array(yaw), np.array(points, dtype=float), np.array(is_dark, dtype=int)


def test_sixty_answers_teach_a_question_that_light_knows_nothing_of(dark_and_fair) -> None:
    whole, crops, yaw, points, is_dark = dark_and_fair
    odd, even = appearance.extract(whole, crops, yaw=yaw, landmarks=points)
    basis = basis_of(odd, even)
    # Neither answer is the other's mirror image: both are their own.
    asked = {"mirror_of": np.arange(2)}
    answers, told, held = np.eye(2)[is_dark], slice(0, 60), slice(60, 100)

    def right(vectors: np.ndarray, signs: np.ndarray, *, shares_spread: bool) -> float:
        taught = fit(
            vectors[told], answers[told], signs=signs, shares_spread=shares_spread, **asked
        )
        said = taught.classifier.predict(vectors[held]).argmax(axis=1)
        return float((said == is_dark[held]).mean())

    by_appearance = right(
        basis.project(np.hstack([odd, even])), basis.mirror_signs(), shares_spread=True
    )
    of_light = features.extract(crops, yaw=yaw, landmarks=points)
    by_light = right(of_light, features.mirror_signs(), shares_spread=False)
    assert by_appearance >= 0.8
    assert by_appearance >= by_light + 0.15

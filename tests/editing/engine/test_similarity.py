import numpy as np
import pytest

from editing.engine.similarity import Traits, effective_count, likeness, tone_shares

NONE = np.empty((0,))


def traits(light: list[float], attributes: list[list[int]], tone: list[list[float]]) -> Traits:
    n = len(light)
    return Traits(
        np.array(light),
        np.array(attributes, float).reshape(n, -1),
        np.array(tone, float).reshape(n, -1),
    )


def test_the_light_weighs_sharply_and_the_rest_gently():
    faces = traits([0.9, 0.8, 0.3, -0.9], [[1, 0]] * 4, [[0.0]] * 4)
    found = likeness(faces, traits([0.9], [[1, 0]], [[0.0]]))
    assert found[0] == 1
    assert found[1] > 0.9
    assert 0.01 < found[2] < 0.1
    assert found[3] == 0
    others = traits([0.9] * 3, [[1, 0], [1, 1], [0, 1]], [[0.0], [0.0], [1.0]])
    found = likeness(others, traits([0.9], [[1, 0]], [[0.0]]))
    assert 1 == found[0] > found[1] > found[2] > 0.3


def test_a_face_of_unknown_light_does_not_come_in_unseen():
    faces = traits([0.9, np.nan], [[], []], [[], []])
    assert likeness(faces, traits([0.9], [[]], [[]])).tolist() == [1, 0]
    # Of a source whose own light is unknown nothing is asked.
    assert likeness(faces, traits([np.nan], [[]], [[]])).tolist() == [1, 1]


def test_no_face_lit_like_the_source_is_told():
    with pytest.raises(ValueError, match=r"No face is lit like the source .* = 0\.90"):
        likeness(traits([-0.9], [[]], [[]]), traits([0.9], [[]], [[]]))
    with pytest.raises(ValueError, match="Faces have 1 attributes"):
        likeness(traits([0.0], [[1]], [[]]), traits([0.0], [[]], [[]]))


def test_the_effective_count_is_what_equal_weights_would_be():
    assert effective_count(np.ones(7)) == pytest.approx(7)
    assert effective_count(np.array([1.0, 0, 0])) == 1
    assert effective_count(np.zeros(3)) == 0


def test_tone_reads_hair_and_skin_the_same_in_the_mirror():
    rows = tone_shares(3, 16, 16)
    picture = np.zeros((3, 16, 16))
    picture[0, :3, 4:12] = 1  # a red tuft of hair
    assert rows @ picture.ravel() == pytest.approx([1, 0, 0, 0, 0, 0])
    for size in (16, 64):
        shaped = tone_shares(3, size, size).reshape(6, 3, size, size)
        assert (shaped == shaped[..., ::-1]).all()

"""What is known of light before the first vote: learned from rendered faces only, and shipped."""

from dataclasses import replace

import numpy as np
from PIL import Image

from benchmarks._real import yale_b
from labeling.learning import features, light_prior, rendered
from labeling.learning.looking import CROP_BOX, SIZE
from lightstage.landmarks import landmarks
from lightstage.people import draw_person, draw_shot
from lightstage.render import render


def choices(*pairs):
    return [{"value": value, "mirror": mirror} for value, mirror in pairs]


def stage_faces(azimuths, seed=5):
    """Feature vectors of people whom the shipped classifier has not seen."""
    crops, yaw, points = [], [], []
    for index, azimuth in enumerate(azimuths):
        person = draw_person(seed, index + 1)
        shot = replace(draw_shot(seed, index + 1, 0), azimuth_degrees=float(azimuth))
        picture = Image.fromarray(render(person, shot))
        small = picture.resize((SIZE, SIZE), Image.Resampling.BOX, CROP_BOX)
        crops.append(np.asarray(small))
        yaw.append(shot.yaw_degrees)
        points.append(landmarks(person, shot))
    return features.extract(np.stack(crops), yaw=np.array(yaw), landmarks=np.stack(points))


def test_it_knows_the_side_of_faces_without_a_single_vote():
    known = light_prior.shipped()
    assert known.card["n_votes"] == 0
    assert "no real face" in known.card["data"]
    said = known.predict(stage_faces([-70, -40, -30, -45, 0, 2, -3, 1, 30, 45, 60, 35]))
    right = said.argmax(axis=1) == np.repeat([0, 1, 2], 4)
    assert right.sum() >= 11, said.round(2)


def test_it_speaks_in_the_order_of_a_campaigns_choices():
    vectors = stage_faces([-40, 0, 50])
    turned_round = light_prior.for_choices(
        choices(("right", "left"), ("center", "center"), ("left", "right"))
    )
    np.testing.assert_allclose(
        turned_round.predict(vectors)[:, ::-1], light_prior.shipped().predict(vectors)
    )
    assert turned_round.card["choices"] == ["right", "center", "left"]


def test_it_has_nothing_to_say_of_other_questions():
    assert light_prior.for_choices(choices(("yes", "yes"), ("no", "no"))) is None
    same_words = choices(("left", "left"), ("center", "center"), ("right", "right"))
    assert light_prior.for_choices(same_words) is None


def test_teaching_again_gives_the_same_bytes():
    assert rendered.teach(9, 1).to_bytes() == rendered.teach(9, 1).to_bytes()
    assert rendered.teach(9, 1).to_bytes() != rendered.teach(9, 2).to_bytes()


def test_it_tells_the_side_of_real_light_without_a_vote(shared_data):
    faces = yale_b(shared_data)
    said = light_prior.shipped().predict(faces.vectors).argmax(axis=1)
    held_out = faces.subjects % 2 == 0  # the people whom nothing was chosen on
    assert (said == faces.sides)[held_out].mean() > 0.94
    assert (said == faces.sides).mean() > 0.95

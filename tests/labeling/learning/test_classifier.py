"""The classifier learns what was planted, ties its sides, knows its confidence, and travels."""

import csv

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from labeling.learning import features
from labeling.learning.calibration import calibration_error, log_loss
from labeling.learning.classifier import LightClassifier, fit

LEFT_CENTER_RIGHT = np.array([2, 1, 0])
SIGNS = np.repeat([-1.0, 1.0], [6, 4])


def planted(n, seed=0, *, sharpness=3.0, only_left=False):
    """Features (n, 10), and answers drawn from a known, mirror-tied softmax on two of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 10)) * 2
    if only_left:
        x[:, 0] = -np.abs(x[:, 0])
    scores = np.stack([-sharpness * x[:, 0], x[:, 6], sharpness * x[:, 0]], axis=1)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    chosen = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return x, chosen, p


def trained(n=600, **more):
    x, chosen, _ = planted(n, **more)
    return fit(x, np.eye(3)[chosen], mirror_of=LEFT_CENTER_RIGHT, signs=SIGNS)


def test_a_planted_direction_is_recovered():
    classifier = trained(2000).classifier
    x, _, p = planted(1000, seed=1)
    said = classifier.predict(x)
    assert (said.argmax(axis=1) == p.argmax(axis=1)).mean() > 0.97
    assert np.abs(said - p).mean() < 0.02
    right = classifier.weights[2] / np.linalg.norm(classifier.weights[2])
    assert right[0] > 0.97


def test_the_mirrored_face_has_the_mirrored_answer():
    classifier = trained(40).classifier
    x, _, _ = planted(100, seed=2)
    mirrored = classifier.predict(x * SIGNS)[:, LEFT_CENTER_RIGHT]
    np.testing.assert_allclose(mirrored, classifier.predict(x), atol=1e-6)


def test_votes_for_one_side_teach_the_other():
    classifier = trained(300, only_left=True).classifier
    x, _, p = planted(500, seed=3)
    is_right = p.argmax(axis=1) == 2
    assert (classifier.predict(x)[is_right].argmax(axis=1) == 2).mean() > 0.9


def test_its_confidence_is_honest_on_faces_it_has_not_seen():
    training = trained(1500, sharpness=0.6)
    x, chosen, _ = planted(4000, seed=4, sharpness=0.6)
    assert calibration_error(training.classifier.predict(x), np.eye(3)[chosen]) < 0.045
    card = training.classifier.card
    assert card["n_faces"] == 1500
    assert card["accuracy"] == pytest.approx(
        (training.classifier.predict(x).argmax(axis=1) == chosen).mean(), abs=0.04
    )


def test_noise_teaches_nothing_and_says_so():
    rng = np.random.default_rng(5)
    x, chosen = rng.normal(size=(120, 10)), rng.integers(0, 3, 120)
    training = fit(x, np.eye(3)[chosen], mirror_of=LEFT_CENTER_RIGHT, signs=SIGNS)
    assert training.classifier.card["accuracy"] < 0.5
    assert training.classifier.predict(rng.normal(size=(500, 10))).max() < 0.75


def test_held_out_answers_of_a_person_come_from_others():
    """Each person has a mark that only their own faces carry: it must not help."""
    rng = np.random.default_rng(6)
    people = np.repeat(np.arange(30), 6)
    answer = rng.integers(0, 2, 30)[people] * 2
    marks = np.zeros((180, 30))
    marks[np.arange(180), people] = 5
    signs = np.ones(30)
    settings = {"mirror_of": np.array([0, 1, 2]), "signs": signs}
    apart = fit(marks, np.eye(3)[answer], identities=people, **settings)
    together = fit(marks, np.eye(3)[answer], **settings)
    assert (together.held_out.argmax(axis=1) == answer).mean() > 0.95
    assert (apart.held_out.argmax(axis=1) == answer).mean() < 0.75


def test_a_prior_helps_while_answers_are_few():
    prior = trained(3000).classifier
    x, chosen, _ = planted(24, seed=8)
    settings = {"mirror_of": LEFT_CENTER_RIGHT, "signs": SIGNS}
    alone = fit(x, np.eye(3)[chosen], **settings).classifier
    helped = fit(x, np.eye(3)[chosen], prior=prior, **settings).classifier
    x, chosen, _ = planted(2000, seed=9)
    losses = [log_loss(one.predict(x), np.eye(3)[chosen]) for one in (alone, helped)]
    assert losses[1] < losses[0] - 0.02, losses


def test_many_answers_overrule_a_prior_that_is_wrong():
    prior = trained(3000).classifier
    x, chosen, _ = planted(1500, seed=10)
    settings = {"mirror_of": LEFT_CENTER_RIGHT, "signs": SIGNS, "prior": prior}
    other_way = fit(x, np.eye(3)[2 - chosen], **settings).classifier
    x, _, p = planted(1000, seed=11)
    assert (other_way.predict(x).argmax(axis=1) == 2 - p.argmax(axis=1)).mean() > 0.95
    mirrored = other_way.predict(x * SIGNS)[:, LEFT_CENTER_RIGHT]
    np.testing.assert_allclose(mirrored, other_way.predict(x), atol=1e-6)


def test_one_absurd_number_decides_nothing():
    classifier = trained(600).classifier
    x = np.zeros((1, 10))
    x[0, 9] = 1e9
    assert classifier.predict(x).max() < 0.9


def test_soft_answers_and_weights_count():
    x = np.repeat(np.eye(1, 10), 40, axis=0)
    targets = np.tile([0.2, 0.1, 0.7], (40, 1))
    half = fit(x, targets, mirror_of=LEFT_CENTER_RIGHT, signs=SIGNS).classifier.predict(x)
    assert 0.5 < half[0, 2] < 0.8
    hard = np.eye(3)[np.repeat([0, 2], 20)]
    weights = np.repeat([1e-3, 1.0], 20)
    settings = {"mirror_of": LEFT_CENTER_RIGHT, "signs": SIGNS}
    assert fit(x, hard, weights=weights, **settings).classifier.predict(x)[0, 2] > 0.85


def test_bytes_come_back_as_the_same_classifier():
    classifier = trained(60).classifier
    content = classifier.to_bytes()
    again = LightClassifier.from_bytes(content)
    x, _, _ = planted(50, seed=7)
    np.testing.assert_array_equal(again.predict(x), classifier.predict(x))
    assert again.card == classifier.card
    assert again.to_bytes() == content


def test_other_formats_versions_and_bytes_are_refused_by_name():
    training = fit(
        *(planted(30)[0], np.eye(3)[planted(30)[1]]),
        mirror_of=LEFT_CENTER_RIGHT,
        signs=SIGNS,
        card={"feature_version": "light-0"},
    )
    content = training.classifier.to_bytes()
    LightClassifier.from_bytes(content, feature_version="light-0")
    with pytest.raises(ValueError, match="features 'light-0', expected 'light-1'"):
        LightClassifier.from_bytes(content, feature_version="light-1")
    with pytest.raises(ValueError, match="3 bytes are no classifier"):
        LightClassifier.from_bytes(b"abc")
    foreign = save({"weights": np.zeros(3)}, {"label": '{"format": "something-9"}'})
    with pytest.raises(
        ValueError, match="format is 'something-9', expected 'penumbra-classifier-2"
    ):
        LightClassifier.from_bytes(foreign)


def test_what_does_not_fit_together_is_refused():
    x, chosen, _ = planted(30)
    with pytest.raises(ValueError, match=r"features are \(30, 10\), expected \(29, 10\)"):
        fit(x, np.eye(3)[chosen[:29]], mirror_of=LEFT_CENTER_RIGHT, signs=SIGNS)
    with pytest.raises(ValueError, match=r"mirror_of is \[1, 2, 0\], expected pairs"):
        fit(x, np.eye(3)[chosen], mirror_of=np.array([1, 2, 0]), signs=SIGNS)
    with pytest.raises(ValueError, match=r"features are \(2, 3\), expected \(n, 10\)"):
        trained(30).classifier.predict(np.zeros((2, 3)))


def yale_b(folder):
    """Crops placed as CelebA's alignment would, sides 0..2 and subjects of the labeled images."""
    crops, sides, subjects = [], [], []
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["side"]:
                with Image.open(folder / row["file"]) as image:
                    small = np.asarray(image.convert("L").resize((36, 41), Image.Resampling.BOX))
                # The eyes, 93 pixels apart there, come to lie 19.5 apart at rows 33.
                whole = np.pad(small, ((23, 0), (14, 14)), mode="edge")
                crops.append(np.repeat(whole[:64, :64, None], 3, axis=2))
                sides.append(["left", "center", "right"].index(row["side"]))
                subjects.append(int(row["subject"]))
    return np.stack(crops), np.array(sides), np.array(subjects)


def test_a_hundred_votes_tell_the_side_of_real_light(shared_data):
    crops, sides, subjects = yale_b(shared_data / "yale_b")
    vectors = features.extract(crops)
    accuracies = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        seen = np.isin(subjects, rng.permutation(np.unique(subjects))[:13])
        rows = rng.choice(np.flatnonzero(seen), 100, replace=False)
        training = fit(
            vectors[rows],
            np.eye(3)[sides[rows]],
            mirror_of=LEFT_CENTER_RIGHT,
            signs=features.mirror_signs(),
            identities=subjects[rows],
        )
        said = training.classifier.predict(vectors[~seen]).argmax(axis=1)
        accuracies.append((said == sides[~seen]).mean())
    assert np.mean(accuracies) > 0.955, accuracies

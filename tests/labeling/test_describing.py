"""A campaign's faces in the numbers that suit its question, made once and kept."""

import numpy as np
import pytest

from labeling import describing, queue
from labeling.learning import appearance, features
from labeling.models import FaceFeatures, FeatureBasis

pytestmark = pytest.mark.django_db

SHADES = [
    {"value": "dark", "label": "Dark", "key": "d", "mirror": "dark"},
    {"value": "pale", "label": "Pale", "key": "p", "mirror": "pale"},
]


@pytest.fixture
def dataset(dataset_of):
    return dataset_of(24)


def campaign_about(dataset, slug, *, choices=SHADES, prompt="Is this face dark or pale?", n=None):
    campaign = queue.create_campaign(dataset, slug, title=slug, prompt=prompt, choices=choices)
    if n is not None:
        later = campaign.turns.order_by("face_id").values_list("id", flat=True)[n:]
        campaign.turns.filter(id__in=list(later)).delete()
    return campaign


def described(campaign):
    return describing.describe(campaign, lambda *args: None)


def test_light_and_another_question_about_the_same_faces_keep_their_own_vectors(dataset):
    light = queue.create_campaign(dataset, "light", title="Light")
    shades = campaign_about(dataset, "shades")
    first, other, again = described(light), described(shades), described(light)
    assert first.reading.version == features.VERSION
    assert other.reading.version == f"{appearance.VERSION}/{FeatureBasis.objects.get().id}"
    assert first.vectors.shape == (24, len(features.mirror_signs()))
    assert other.vectors.shape == (24, len(other.reading.signs))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    kinds = FaceFeatures.objects.values_list("kind", flat=True)
    assert sorted(kinds) == ["appearance"] * 24 + ["light"] * 24


def test_left_center_and_right_of_a_pose_are_not_read_as_light(dataset):
    choices = queue.ILLUMINATION
    pose = campaign_about(dataset, "pose", choices=choices, prompt="Where does the head look?")
    assert not pose.is_about_light
    assert described(pose).reading.kind == "appearance"
    lit = campaign_about(dataset, "lit", choices=choices, prompt="Where is the light?")
    assert described(lit).reading.kind == "light"


def test_what_faces_differ_in_is_looked_at_once_and_again_when_there_are_twice_as_many(dataset):
    few = campaign_about(dataset, "few", n=10)
    assert described(few).vectors.shape[0] == 10
    more = campaign_about(dataset, "more", n=20)
    described(more)
    assert FeatureBasis.objects.count() == 1
    every = described(campaign_about(dataset, "every"))
    newest = FeatureBasis.objects.order_by("id").last()
    assert (FeatureBasis.objects.count(), newest.n_faces) == (2, 24)
    assert every.reading.version == f"{appearance.VERSION}/{newest.id}"
    versions = FaceFeatures.objects.values_list("version", flat=True)
    assert set(versions) == {every.reading.version}


def test_a_stopped_worker_s_vectors_stay(dataset, monkeypatch):
    campaign = campaign_about(dataset, "shades")
    monkeypatch.setattr(describing, "CHUNK", 10)

    def stop(share, step):
        if "10 of 24" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describing.describe(campaign, stop)
    assert FaceFeatures.objects.count() == 10
    steps = []
    describing.describe(campaign, lambda share, step: steps.append(step))
    assert (FaceFeatures.objects.count(), FeatureBasis.objects.count()) == (24, 1)
    assert "reading faces, 0 of 14" in steps


def test_a_dataset_without_any_readable_image_is_described_by_nothing(dataset):
    dataset.image_folder = "/nonexistent"
    dataset.save()
    nothing = described(campaign_about(dataset, "shades"))
    assert nothing.vectors.shape == (0, 0)
    assert len(nothing.unreadable) == 24
    assert not FeatureBasis.objects.exists()

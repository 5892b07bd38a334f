"""A filter says the same as a query, as a dataclass and as rows."""

import pytest
from django.http import QueryDict

from editing.filters import FaceFilter
from labeling.errors import Refused
from labeling.models import Campaign, Consensus, Dataset, Face, Release, ReleasedLabel
from labeling.queue import create_campaign

CHOICES = ("left", "center", "right")


@pytest.fixture
def campaign(dataset: Dataset, faces: list[Face]) -> Campaign:
    """Faces 0..8 are believed left, center, right in turn, each surer than the one before."""
    campaign = create_campaign(dataset, "light", title="Light")
    for index, face in enumerate(faces[:9]):
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=CHOICES[index % 3],
            probability=0.5 + index / 20,
            probabilities=[0.3, 0.3, 0.4],
            source="human",
        )
    return campaign


def passing(query: str) -> list[int]:
    """The file numbers, counted from 0, of the faces that pass."""
    names = FaceFilter.parse(query).faces().values_list("filename", flat=True)
    return sorted(int(name[:6]) - 1 for name in names)


QUERIES = [
    "dataset=small&campaign=light&consensus=left,right&certainty_min=0.9&attributes=Male,-Eyeglasses"
    "&yaw_min=-12.5&yaw_max=30&identity=3,17&split=train,test&release=4",
    "",
    "yaw_max=-0.25",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_comes_back_as_it_went_in(query: str) -> None:
    assert FaceFilter.parse(query).to_query() == query


def test_a_query_a_form_and_an_object_mean_the_same() -> None:
    text = "attributes=Male,-Eyeglasses&yaw_min=-12.5&identity=3"
    given = {"attributes": ["Male", "-Eyeglasses"], "yaw_min": -12.5, "identity": 3, "split": None}
    form = QueryDict(f"{text}&campaign=&consensus=")
    assert FaceFilter.parse(text) == FaceFilter.parse(given) == FaceFilter.parse(form)


def test_attributes_are_bits_of_the_dataset(faces: list[Face]) -> None:
    # Face i has the attributes of i's binary digits: Male 1, Smiling 2, Young 4, Eyeglasses 8.
    assert passing("attributes=Male,-Smiling") == [1, 5, 9]
    assert passing("attributes=Eyeglasses") == [8, 9, 10, 11]


def test_a_face_without_an_attribute_table_passes_no_attribute(faces: list[Face]) -> None:
    Face.objects.filter(id=faces[1].id).update(attributes=None)
    assert passing("attributes=-Eyeglasses,Male") == [3, 5, 7]


def test_yaw_holds_its_lower_edge_and_not_its_upper_one(faces: list[Face]) -> None:
    assert passing("yaw_min=-48&yaw_max=-44") == [1, 2]


def test_identity_and_split_take_lists(faces: list[Face]) -> None:
    Face.objects.filter(identity=4).update(split=Face.Split.TEST)
    assert passing("identity=1,4") == [0, 1, 2, 9, 10, 11]
    assert passing("split=test") == passing("split=2") == [9, 10, 11]
    assert passing("split=0,test") == list(range(12))


def test_consensus_and_certainty_are_of_one_campaign(campaign: Campaign) -> None:
    assert passing("campaign=light&consensus=left") == [0, 3, 6]
    assert passing("consensus=left,center&certainty_min=0.7") == [4, 6, 7]
    assert passing("campaign=light") == list(range(12))


def test_a_release_is_what_it_published_not_what_is_believed_now(
    campaign: Campaign, faces: list[Face]
) -> None:
    release = Release.objects.create(campaign=campaign, number=1, status="done")
    for face, choice in zip(faces[:3], ("right", "right", "left"), strict=True):
        ReleasedLabel.objects.create(
            release=release,
            face=face,
            choice=choice,
            probability=0.9,
            probabilities=[0.9, 0.05, 0.05],
            source="human",
            n_votes=1,
        )
    assert passing(f"release={release.id}") == [0, 1, 2]
    assert passing(f"release={release.id}&consensus=right") == [0, 1]
    assert passing(f"release={release.id}&consensus=right&certainty_min=0.95") == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("colour=red", "no key 'colour'; it knows dataset, campaign"),
        ("yaw_min=steep", "yaw_min is 'steep'; expected a number from -180 to 180"),
        ("yaw_min=nan", "yaw_min is 'nan'"),
        ("yaw_min=10&yaw_max=-10", "yaw_min=10 is not below yaw_max=-10"),
        ("certainty_min=1.5", "certainty_min is '1.5'; expected a number from 0 to 1"),
        ("identity=bob", "identity is 'bob'; expected a whole number"),
        ("identity=99999999999", "identity is '99999999999'"),
        ("split=exam", "split is 'exam'; expected some of train, validation, test"),
        ("attributes=Tall", "'Tall' is unknown in dataset 'small'; it knows Male, Smiling"),
        ("attributes=Male,-Male", "asks for Male and -Male at once"),
        ("attributes=Male&attributes=Young", "attributes came twice"),
        ("campaign=dark", "no campaign 'dark'; there is light"),
        ("dataset=large", "no dataset 'large'; there is small"),
        ("consensus=above", "consensus=above is no choice of campaign 'light'"),
        ("release=77", "release=77 is no finished release"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_in_a_sentence(
    campaign: Campaign, query: str, told: str
) -> None:
    with pytest.raises(Refused, match=told) as caught:
        list(FaceFilter.parse(query).faces())
    assert caught.value.code == "invalid_filter"


def test_consensus_without_a_campaign_is_refused_where_there_are_two(
    campaign: Campaign, dataset: Dataset
) -> None:
    create_campaign(dataset, "beauty", title="Another question")
    with pytest.raises(Refused, match="need a campaign: name one of beauty, light"):
        FaceFilter.parse("consensus=left").faces()


def test_work_on_one_dataset_asks_which_where_there_are_several(dataset: Dataset) -> None:
    assert FaceFilter().one_dataset() == dataset
    Dataset.objects.create(name="other", image_folder="/nowhere", attribute_names=["Male"])
    with pytest.raises(Refused, match="several: small, other"):
        FaceFilter().one_dataset()
    assert FaceFilter.parse("dataset=small").one_dataset() == dataset


def test_two_datasets_in_one_filter_are_refused(campaign: Campaign) -> None:
    Dataset.objects.create(name="other", image_folder="/nowhere")
    with pytest.raises(Refused, match=r"two datasets: dataset=other .* campaign=light"):
        FaceFilter.parse("dataset=other&campaign=light").faces()

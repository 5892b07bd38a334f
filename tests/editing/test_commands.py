"""The whole way by commands: train, embed, fit, turn; and what each says when it cannot."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from editing import encoders, places
from editing.models import Direction, Embedding, Generator
from editing.runs.loading import store_of
from labeling.errors import Refused
from labeling.models import Dataset


def said(*command: object, **options: object) -> str:
    out = io.StringIO()
    call_command(*map(str, command), stdout=out, **options)
    return out.getvalue()


def test_from_training_to_a_turned_head(many: Dataset, tmp_path: Path) -> None:
    train = ["train_generator", "many", "--size", 16, "--name", "ours"]
    assert "Generator ours: 16 x 16" in said(*train, "--images", 32)
    generator = Generator.objects.get(name="ours")
    assert generator.card["training"]["images_seen"] == 32
    # Every sixth person or so is left out, for measuring.
    assert 0 < generator.card["training"]["n_faces"] < 120

    assert "120 of 120 faces have a latent" in said("embed", "ours", "--steps", 4)
    assert "mean error" in said("fit_direction", "ours")
    direction = Direction.objects.get()
    turned = said(
        *("turn", direction.id, "000026.jpg", "--degrees", -20, 0, 20), "--out", tmp_path / "out"
    )
    assert "asked  -20.0" in turned
    assert Image.open(tmp_path / "out" / "strip.png").height > 16
    assert len(list((tmp_path / "out").glob("frame*.png"))) == 3


def test_training_goes_on_only_when_told_to(many: Dataset) -> None:
    train = ["train_generator", "many", "--size", 16, "--name", "again"]
    said(*train, "--images", 32)
    Generator.objects.all().delete()
    with pytest.raises(CommandError, match="--resume goes on, --fresh starts over"):
        said(*train, "--images", 64)
    said(*train, "--images", 64, "--resume")
    assert Generator.objects.get().card["training"]["images_seen"] == 64
    assert places.generator_folder("again").is_dir()


def test_a_generator_goes_on_from_anothers_weights_and_says_so(many: Dataset) -> None:
    said("train_generator", "many", "--size", 16, "--name", "first", "--images", 16)
    said("train_generator", "many", "--name", "second", "--images", 16, "--start-from", "first")
    first, second = Generator.objects.order_by("id")
    assert second.card["training"]["started_from"] == {"name": "first", "sha256": first.sha256}
    assert (second.image_size, second.sha256 != first.sha256) == (16, True)
    shutil.copytree(places.training_folder("second"), places.training_folder("third"))
    with pytest.raises(CommandError, match=r"trained with started_from .*expected None"):
        said("train_generator", "many", "--size", 16, "--name", "third", "--images", 8, "--resume")


@pytest.fixture
def fresh_encoders() -> Iterator[None]:
    """The tiny generator is the same in every test: what is trained for it must not stay."""
    yield
    shutil.rmtree(settings.VAR_DIR / "encoders", ignore_errors=True)


def test_from_an_encoders_training_to_its_latents(
    many: Dataset, generator: Generator, fresh_encoders: None
) -> None:
    with pytest.raises(CommandError, match="'tiny' has no encoder; train one with"):
        said("embed", "tiny", "--method", "encoder")
    train = ["train_encoder", "tiny", "--dataset", "many", "--steps", 6, "--timestep", 300]
    told = said(*train, "--images", 64)
    assert "Encoder of tiny: timestep 300" in told
    assert "faces it has not seen: round-trip MSE" in told
    assert "120 of 120 faces have a latent" in said("embed", "tiny", "--method", "encoder")
    row = Embedding.objects.get()
    assert (row.method, row.timestep, row.steps) == ("encoder", 300, 6)
    record = encoders.choose(generator, timestep=300)
    assert f"-encoder.{record.sha256[:12]}-t300-" in row.space
    assert record.told["training"]["n_checked"] > 0
    with pytest.raises(CommandError, match="no encoder of timestep 509, only of timestep 300"):
        said("embed", "tiny", "--method", "encoder", "--timestep", 509)
    with pytest.raises(CommandError, match="--resume goes on, --fresh starts over"):
        said(*train, "--images", 80)
    said(*train, "--images", 80, "--resume")
    # Another encoder has a space of its own; the first one's is not continued.
    with pytest.raises(Refused, match="is gone or was trained anew"):
        encoders.in_space(generator, row.space)


def test_latents_of_every_kind_have_a_space_of_their_own(
    dataset: Dataset, generator: Generator
) -> None:
    embed = ["embed", "tiny", "--steps", 4, "--timestep", 300]
    for more in ([], ["--kind", "h"], ["--gradient-steps", 2], ["--refinements", 2]):
        assert "12 of 12 faces have a latent" in said(*embed, *more)
    rows = Embedding.objects.order_by("id")
    assert len({row.space for row in rows}) == 4
    plain, deep, descended, _ = rows
    assert descended.figures["round_trip_mse"] < plain.figures["round_trip_mse"]
    face_ids = list(dataset.faces.values_list("id", flat=True))
    assert store_of(generator, plain.space).read(face_ids).shape == (12, 3 * 16 * 16)
    assert store_of(generator, deep.space).read(face_ids).shape == (12, 32 * 8 * 8)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["train_encoder", "none", "--dataset", "small"], "Give --minutes, --images or both"),
        (["train_encoder", "none", "--dataset", "a", "--images", 1], "no generator 'none'"),
        (["train_generator", "small", "--images", 1, "--start-from", "x"], "no generator 'x'"),
        (["train_generator", "small"], "Give --minutes, --images or both"),
        (["train_generator", "none", "--images", 1], "no dataset 'none'; there is small"),
        (["add_generator", "/nowhere"], "source is '/nowhere'; expected a folder"),
        (["embed", "nobody"], "no generator 'nobody'"),
        (["fit_direction", "nobody"], "no generator 'nobody'"),
        (["turn", 9, "000001.jpg"], "no direction 9"),
    ],
)
def test_a_command_that_cannot_says_why(dataset: Dataset, command: list, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        said(*command)


def test_a_failing_job_ends_the_command_with_its_sentence(
    dataset: Dataset, generator: Generator
) -> None:
    with pytest.raises(CommandError, match="identity is 'bob'"):
        said("embed", "tiny", "--filter", "identity=bob")
    with pytest.raises(CommandError, match="No embedding of 'small'"):
        said("fit_direction", "tiny")

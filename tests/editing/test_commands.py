"""The whole way by commands: train, embed, fit, turn; and what each says when it cannot."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from editing import places
from editing.models import Direction, Generator
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


@pytest.mark.parametrize(
    ("command", "told"),
    [
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

# ruff: noqa: F811 fixtures are asked for by their names
"""Recipes: what is refused, what is kept, how they come by the API and by command."""

import io
import json
from collections.abc import Callable

import pytest
from django.core.management import call_command

from editing.models import Direction, Embedding
from editing.recipes import FitRecipe
from labeling.errors import Refused
from labeling.models import Dataset
from labeling.queue import create_campaign
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


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"colour": "red"}, "The recipe has 'colour'; it knows bin_rule"),
        ({"points": "some"}, "points is 'some'; expected one of centroids, faces"),
        ({"motion": ["slerp"]}, r"motion is \['slerp'\]"),
        ({"mirror": 1}, "mirror is 1; expected true or false"),
        ({"bootstraps": 2.5}, "bootstraps is 2.5; expected a whole number from 0 to 1000"),
        ({"fewest": 0}, "fewest is 0; expected a whole number from 1"),
        ({"ridge": -1}, "ridge is -1; expected a number from 0"),
        ({"subtract": "light"}, "subtract is 'light'; expected a list"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(recipe: dict, told: str) -> None:
    with pytest.raises(Refused, match=told):
        FitRecipe.parse(recipe)


def test_only_what_is_known_can_be_subtracted(ask: Callable[..., Direction], lit: Dataset) -> None:
    with pytest.raises(Refused, match="subtract names 'Hat'; expected some of light, Male"):
        ask(subtract=["Hat"])
    create_campaign(lit, "other", title="Another question")
    with pytest.raises(Refused, match="subtract names light, but the filter names no campaign"):
        ask(subtract=["light"])


def test_a_recipe_survives_its_row() -> None:
    recipe = FitRecipe(subtract=("light",), motion="norm", bootstraps=3)
    assert FitRecipe.parse(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_comes_by_the_api_and_stays_on_the_row(
    people: object, api: Callable, planted: Embedding
) -> None:
    rita = api(people.rita)
    body = {"generator": "tiny", "recipe": {"motion": "slerp", "subtract": ["light"]}}
    answer = rita.post("/api/directions", body, format="json")
    assert answer.status_code == 202
    recipe = answer.json()["recipe"]
    assert (recipe["motion"], recipe["subtract"], recipe["points"]) == (
        "slerp",
        ["light"],
        FitRecipe().points,
    )
    assert Direction.objects.get().recipe == recipe


def test_the_command_takes_a_recipe_and_tells_its_figures(planted: Embedding) -> None:
    out = io.StringIO()
    call_command(
        *("fit_direction", "tiny", "--points", "faces", "--subtract", "light", "Male"),
        *("--bootstraps", "5", "--bins", *map(str, WIDE)),
        stdout=out,
    )
    row = Direction.objects.get()
    assert (row.recipe["points"], row.recipe["subtract"]) == ("faces", ["light", "Male"])
    assert "of faces held out" in out.getvalue()
    assert "cosine of refits from" in out.getvalue()

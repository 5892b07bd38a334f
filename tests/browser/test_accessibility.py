"""axe-core finds no serious fault on any page, for anybody who may open it, light and dark."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page, expect

from editing.models import Decomposition
from labeling import people as people_of
from labeling import queue, votes
from labeling.models import Adjudication, Campaign, Consensus, Release, User
from tests.editing.conftest import (  # noqa: F401 the rows that researchers' pages show
    ask_embedding,
    direction,
    done,
    edit,
    generator,
    generator_folder,
    kept_probe,
    many,
)

# Programs' doors, and pages that other packages bring.
NOT_OURS = ("api/", "label-studio/", "admin/")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address with its pattern, without those that are not ours."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if route.startswith(NOT_OURS):
            continue
        if isinstance(one, URLResolver):
            yield from addresses(one, route)
        else:
            yield route, one


def faults(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious or critical: the rule and where."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": only}).response
    return [
        f"{page.url}: {fault['id']}: {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def faults_light_and_dark(page: Page) -> list[str]:
    found = faults(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    # Of what axe checks, only the colours differ.
    found += [f"dark: {fault}" for fault in faults(page, "color-contrast")]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found


@pytest.fixture
def campaign(many) -> Campaign:  # noqa: F811
    """About the faces of the researchers' pages: there is one dataset."""
    return queue.create_campaign(many, "light", title="Where is the light?")


@pytest.fixture
def lived_in(campaign, people) -> Campaign:
    """A campaign in which things have happened: votes, beliefs, a last word, much to verify."""
    for person in (people.ada, people.ben):
        campaign.turns.update(wanted=2)
        held = queue.next_faces(campaign, person, 6)
        rows = [
            {"id": str(uuid4()), "face": one.face_id, "choice": choice, "seconds": 1.2}
            for one, choice in zip(held, ["left", "left", "right", "center"] * 2, strict=False)
        ]
        votes.cast(campaign, person, rows)
    for number, face in enumerate(campaign.dataset.faces.order_by("id")[:12]):
        choice = campaign.values[number % 3]
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            source="human" if number % 2 else "model",
            probability=0.6,
            probabilities=[0.6, 0.2, 0.2],
            n_votes=2,
        )
    Adjudication.objects.create(campaign=campaign, face=face, choice=choice, by=people.mia)
    campaign.turns.filter(had=0).update(suggested="left", certainty=90)
    return campaign


def searched(edit) -> Decomposition:  # noqa: F811
    """A finished search for directions on an edit's face, one of them in the library."""
    eyes = {"name": "eyes", "shapes": [{"kind": "rectangle", "box": [0.2, 0.4, 0.8, 0.6]}]}
    job = Decomposition.objects.create(
        generator=edit.direction.generator,
        face=edit.face,
        regions=[eyes],
        timestep=509,
        steps=6,
        refinements=1,
        rank=3,
        sha256="0" * 64,
        status="done",
    )
    mia = User.objects.get(username="mia")
    rows = [
        job.components.create(method=method, region="eyes", index=0, singular_value=2, locality=1)
        for method in ("jive", "svd")
    ]
    job.components.filter(id=rows[0].id).update(name="wider eyes", kept_by=mia)
    spectrum = {"name": "eyes", "spectrum": [2, 1.5, 1], "joint_rank": 1, "individual_rank": 2}
    job.result = {"regions": [spectrum], "components": [{"id": row.id} for row in rows]}
    job.save()
    return job


@pytest.fixture
def arguments(lived_in, people, edit) -> dict[str, Any]:  # noqa: F811
    """A value for everything that an address may carry."""
    invite, token = people_of.invite(people.mia, roles=["annotator"], note="the class")
    release = Release.objects.create(campaign=lived_in, number=1, status="queued")
    search = searched(edit)
    return {
        "slug": lived_in.slug,
        "release_id": release.id,
        "other_id": release.id,
        "person_id": people.ada.id,
        "invite_id": invite.id,
        "token": token,
        "direction_id": edit.direction_id,
        "edit_id": edit.id,
        "face_id": edit.face_id,
        "decomposition_id": search.id,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ada", "mia", "rita", "sam", None])
def test_no_page_has_a_serious_fault(name, visit, people, arguments: dict, url_of: Callable):
    person: User | None = getattr(people, name) if name else None
    client = Client()
    if person:
        client.force_login(person)
    page = visit(person, reduced_motion="reduce", color_scheme="light").new_page()
    found, seen = [], []
    for route, pattern in addresses(get_resolver()):
        missing = set(pattern.pattern.converters) - set(arguments)
        assert not missing, f"{route}: give `arguments` a value for {missing}"
        address = url_of(route, arguments)
        answer = client.get(address)
        if answer.status_code != 200 or b"<!doctype html>" not in answer.content[:100].lower():
            continue  # not theirs, a redirect, a part of a page, or for posting only
        page.goto(address)
        page.wait_for_load_state("networkidle")
        seen.append(address)
        found += faults_light_and_dark(page)
    assert seen
    assert found == []


@pytest.fixture
def url_of() -> Callable[[str, dict], str]:
    def fill(route: str, arguments: dict) -> str:
        for name, value in arguments.items():
            for kind in ("slug", "int", "str", "path"):
                route = route.replace(f"<{kind}:{name}>", str(value))
        return f"/{route}"

    return fill


def test_what_opens_on_the_labeling_pages_has_no_serious_fault(visit, people, lived_in):
    page = visit(people.ada, reduced_motion="reduce", color_scheme="light").new_page()
    page.goto("/label/light")
    if page.url.endswith("/rubric"):
        page.get_by_role("button", name="I have read this: start").click()
    expect(page.locator("[data-stage]")).to_have_attribute("data-shows", "face")
    found = []
    for key in ("1", "2", "m", "x"):
        page.keyboard.press(key)
    found += faults_light_and_dark(page)
    page.keyboard.press("?")
    found += faults_light_and_dark(page)
    page.goto("/label/light/grid")
    expect(page.locator("#grid-desk")).to_have_attribute("data-shows", "cells")
    page.locator(".cell").nth(1).focus()
    page.keyboard.press("3")
    page.locator(".cell").nth(2).click()
    found += faults_light_and_dark(page)
    assert found == []

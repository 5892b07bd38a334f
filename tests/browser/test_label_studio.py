"""Projects that came through Label Studio's dialect, on our own label page."""

from playwright.sync_api import expect

from labeling import leases
from labeling.label_studio import imports, projects
from labeling.models import Vote
from tests.browser.desk import Desk

CONFIG = """
<View><Header value="Which cheek is darker?"/><Image name="i" value="$image"/>
<Choices name="c" toName="i"><Choice value="Left cheek"/><Choice value="Right cheek" hotkey="r"/>
<Choice value="Neither"/></Choices></View>
"""


def project_of(mia, *images):
    campaign = projects.create_project(mia, {"title": "Cheeks", "label_config": CONFIG})
    imports.import_tasks(campaign, mia, [{"image": image} for image in images], "testserver")
    return campaign


def test_a_project_about_our_faces_is_labeled_by_keys(visit, people, dataset):
    project_of(people.mia, "000001.jpg", "000002.jpg", "000003.jpg")
    desk = Desk.open(visit(people.ada).new_page(), "cheeks")
    expect(desk.page.get_by_role("heading", name="Which cheek is darker?")).to_be_visible()
    expect(desk.page.locator("[data-answer]")).to_contain_text(
        ["Left cheek", "Right cheek", "Neither", "Can't tell"]
    )
    faces = [desk.answer(key) for key in ("ArrowLeft", "r", "ArrowDown")]
    desk.wait_until_saved()
    stored = dict(Vote.objects.values_list("turn__face__filename", "choice"))
    assert stored == dict(zip(faces, ("left-cheek", "right-cheek", "neither"), strict=True))


def test_a_project_whose_images_are_elsewhere_says_so_and_holds_nothing(visit, people):
    campaign = project_of(people.mia, "https://example.com/1.jpg")
    page = visit(people.ada).new_page()
    for path in ("/label/cheeks", "/label/cheeks/grid"):
        page.goto(path)
        expect(page.get_by_role("heading", name="These images are elsewhere")).to_be_visible()
    assert leases.held_faces(campaign, people.ada) == []

"""Two hundred faces through a bad network and a server that dies twice: all stored, once."""

from contextlib import suppress
from itertools import cycle

import pytest
from playwright.sync_api import Error, Route

from labeling import queue
from labeling.models import Vote
from tests.browser.conftest import sign_in
from tests.browser.desk import Desk
from tests.browser.servers import Server
from tests.browser.test_label import stored
from tests.browser.test_outbox import refuse
from tests.config.test_up import free_port

ANSWERS = {"ArrowLeft": "left", "ArrowDown": "center", "ArrowRight": "right", "u": "unsure"}
N_FACES = 200
DIES_AT = {60, 130}
# While it is down the person goes on, as far as the faces that are here already reach.
DOWN_FOR = 4


class BadNetwork:
    """Every fifth request is lost, by turns on its way there and, done, on its way back."""

    def __init__(self) -> None:
        self.requests = 0
        self.lost = 0

    def handle(self, route: Route) -> None:
        self.requests += 1
        if self.requests % 5:
            route.continue_()
            return
        self.lost += 1
        if self.lost % 2:
            refuse(route)
            return
        with suppress(Error):  # when the server is down
            route.fetch()
        route.abort("connectionreset")


@pytest.mark.slow
def test_two_hundred_faces_survive_a_bad_network_and_two_deaths_of_the_server(
    visit, people, dataset_of, tmp_path
):
    queue.create_campaign(dataset_of(N_FACES), "light", title="Where is the light?")
    server = Server(free_port(), tmp_path / "web.log")
    server.start()
    context = visit()
    sign_in(context, people.ada, server.url)
    page = context.new_page()
    page.goto(f"{server.url}/label/light/rubric")
    page.get_by_role("button", name="I have read this: start").click()
    desk = Desk(page)
    network = BadNetwork()
    context.route("**/api/**", network.handle)
    given: dict[str, str] = {}
    down_since, answered_while_down = None, 0
    try:
        for number, key in zip(range(N_FACES), cycle(ANSWERS), strict=False):
            has_face = desk.stage.get_attribute("data-shows") == "face"
            if down_since is not None and (number - down_since == DOWN_FOR or not has_face):
                server.start()
                down_since = None
            answered_while_down += down_since is not None
            given[desk.answer(key)] = ANSWERS[key]
            if number in DIES_AT:
                desk.page.wait_for_timeout(1000)  # so that some faces are there
                server.kill()
                down_since = number + 1
        assert answered_while_down >= len(DIES_AT)
        desk.wait_until_saved()
        assert len(given) == N_FACES
        assert stored() == given
        assert Vote.objects.count() == N_FACES
        assert Vote.objects.values("turn").distinct().count() == N_FACES
        assert network.lost >= 40
        assert not desk.rejected.is_visible()
    finally:
        page.close()
        server.stop()

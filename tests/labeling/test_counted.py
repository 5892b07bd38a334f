"""Counts that may be old: how old, and who counts while others look."""

import threading
import time

import pytest
from django.core.cache import cache

from labeling import queue
from labeling.counted import at_hand, counted


@pytest.fixture
def campaign(dataset, monkeypatch):
    cache.clear()
    monkeypatch.setattr("labeling.counted.NO_TIME", 0.05)
    return queue.create_campaign(dataset, "light", title="Light")


class Counting:
    """Counts its calls, each as slow as is asked for."""

    def __init__(self, seconds: float) -> None:
        self.calls, self.seconds = 0, seconds

    def __call__(self, campaign) -> int:
        time.sleep(self.seconds)
        self.calls += 1
        return self.calls


def test_what_takes_no_time_is_never_old(campaign):
    count = Counting(0)
    assert [counted(campaign, "n", 60, count).value for _ in range(3)] == [1, 2, 3]


def test_what_took_long_is_shown_again_until_it_is_too_old(campaign):
    count = Counting(0.06)
    first = counted(campaign, "n", 60, count)
    assert counted(campaign, "n", 60, count) == first
    assert counted(campaign, "n", 0, count).value == 2
    assert at_hand(campaign, "n").value == 2


def test_counts_of_other_names_and_campaigns_are_not_mixed_up(campaign, dataset):
    other = queue.create_campaign(dataset, "other", title="Other")
    counted(campaign, "n", 60, Counting(0.06))
    assert at_hand(other, "n") is None
    assert at_hand(campaign, "m") is None


def test_while_one_counts_the_others_get_what_there_was(campaign):
    counted(campaign, "n", 60, Counting(0.06))
    let_go, began = threading.Event(), threading.Event()

    def slow(campaign) -> str:
        began.set()
        assert let_go.wait(10)
        return "new"

    answers = []
    thread = threading.Thread(target=lambda: answers.append(counted(campaign, "n", 0, slow).value))
    thread.start()
    assert began.wait(10)
    assert counted(campaign, "n", 0, lambda _: pytest.fail("two count at once")).value == 1
    let_go.set()
    thread.join()
    assert answers == ["new"]
    assert at_hand(campaign, "n").value == "new"


def test_a_count_that_fails_keeps_nobody_from_the_next(campaign):
    with pytest.raises(ZeroDivisionError):
        counted(campaign, "n", 60, lambda _: 1 / 0)
    assert counted(campaign, "n", 60, Counting(0)).value == 1

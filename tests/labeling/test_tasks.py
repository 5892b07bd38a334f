"""What the clock rings for, beside the sweep of waiting work."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from labeling import tasks


@pytest.mark.django_db
def test_ended_sessions_are_cleared_once_a_day_and_others_stay():
    ended, lives = SessionStore(), SessionStore()
    for one in (ended, lives):
        one.create()
    Session.objects.filter(pk=ended.session_key).update(
        expire_date=timezone.now() - timedelta(minutes=1)
    )
    daily = settings.CELERY_BEAT_SCHEDULE["clear-sessions"]
    assert (daily["task"], daily["schedule"]) == (tasks.clear_sessions.name, 86400)
    tasks.clear_sessions()
    assert list(Session.objects.values_list("pk", flat=True)) == [lives.session_key]

"""Whom a change has told by mail, in a shop that has a mail server (EMAIL_URL)."""

from datetime import datetime
from functools import partial

from django.conf import settings

from larder.identity.notifier import Notify
from larder.notifications.services import EMAIL_CHANGED, queue_mail


def former_address(now: datetime) -> Notify | None:
    """What has whoever had an account's address told of its change; None without a mail server."""
    return partial(queue_mail, EMAIL_CHANGED, now=now) if settings.EMAIL_URL else None

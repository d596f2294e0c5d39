"""Notifiers: functions that queue a mail about a change, in a shop with a mail server
(EMAIL_URL)."""

from datetime import datetime
from functools import partial

from django.conf import settings

from larder.identity.services.notifier import Notify
from larder.notifications.services import EMAIL_CHANGED, queue_mail


def former_address(now: datetime) -> Notify | None:
    """Returns a function that queues a mail to the former address of an account about its change;
    None without a mail server."""
    return partial(queue_mail, EMAIL_CHANGED, now=now) if settings.EMAIL_URL else None

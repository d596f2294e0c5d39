"""Holds the notifier that informs the owner of a former email address. Set when a process starts.

Identity does not send mails itself. The API and the admin both change addresses; both get the
notifier here, so that no change is without a notification.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

Notify = Callable[[UUID], None]
"""Queues the mail about a change of this id to the former address (services/email_changes.py)."""


def _no_mails(now: datetime) -> Notify | None:
    return None


_notifiers: list[Callable[[datetime], Notify | None]] = [_no_mails]


def use(notifier: Callable[[datetime], Notify | None]) -> None:
    """Sets the notifier. Called when a process starts, because Django creates the views of the
    admin without arguments."""
    _notifiers[0] = notifier


def former_address(*, now: datetime) -> Notify | None:
    """Returns the function that notifies the former address of a change made at `now`. None if this
    process sends no mails."""
    return _notifiers[0](now)

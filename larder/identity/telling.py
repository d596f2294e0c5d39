"""Who has the owner of a former email address told: said once, when a process starts.

Identity sends no mails, and addresses are changed by its own staff screens as well as through the
API: so that no way to change one can forget it, all of them ask here.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

Tell = Callable[[UUID], None]
"""Has whoever had an account's address told of a change (services/email_changes.py)."""


def _nobody(now: datetime) -> Tell | None:
    return None


_tells: list[Callable[[datetime], Tell | None]] = [_nobody]


def use(tells: Callable[[datetime], Tell | None]) -> None:
    """Called when a process starts: Django makes the staff screens without arguments."""
    _tells[0] = tells


def former_address(*, now: datetime) -> Tell | None:
    """What has the former address told of a change of `now`; None where nobody can be."""
    return _tells[0](now)

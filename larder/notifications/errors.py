"""The ways notifications refuses, and the ways a mail is not sent."""

from dataclasses import dataclass

from larder.core.errors import DomainError


class MailOff(DomainError):
    """This shop has no mail server."""

    code = "mail_off"


@dataclass
class NotSent(Exception):
    """A mail was not handed over. `reason` names no recipient and quotes no server, which may
    repeat what it was told."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class NotSentYet(NotSent):
    """The mail server is away, silent, or says that a later try may succeed."""


class NeverSent(NotSent):
    """The mail server will not take this mail, however often it is tried."""

"""Errors that notifications raises, and the reasons why a mail is not sent."""

from dataclasses import dataclass

from larder.core.errors import Forbidden


class MailOff(Forbidden):
    """This shop does not send mail."""

    code = "mail_off"


@dataclass
class NotSent(Exception):
    """The mail server did not accept a mail. `reason` contains neither the recipient nor the
    server's message, which may repeat it."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class NotSentYet(NotSent):
    """The mail server is unreachable, does not answer, or reports a temporary failure."""


class NeverSent(NotSent):
    """The mail server reports a permanent failure: the mail will not be accepted later."""

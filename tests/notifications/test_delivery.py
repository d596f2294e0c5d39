"""Mails are sent to a real mail server that refuses, stalls and closes the connection."""

import socket
from time import monotonic
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from larder.notifications.delivery import close, hand_over
from larder.notifications.errors import NeverSent, NotSent, NotSentYet
from tests.notifications.receiver import Receiver, receiving

MAIL = "01890a5d-ac96-774b-bcce-b302099a8057"
SECRET = "a-secret-in-the-text"
TEXT = f"Some text: {SECRET}\n"
TIMEOUT = 0.5
"""Seconds that a mail server may be silent, where one is."""


@pytest.fixture
def smtp(settings: Any) -> Any:
    """Django's settings for a mail server; the test names its port."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 30
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = None
    return settings


def deliver(
    smtp: Any,
    receiver: Receiver,
    to: str = "ada@example.com",
    subject: str = "A subject",
    text: str = TEXT,
    html: str = "",
) -> None:
    """Hands a letter over."""
    smtp.EMAIL_PORT = receiver.port
    letter = EmailMultiAlternatives(subject, text, "Shop <shop@example.com>", [to])
    if html:
        letter.attach_alternative(html, "text/html")
    open: list[Any] = []
    hand_over(MAIL, letter, open)
    close(open)


def test_a_mail_is_plain_text_and_marked_as_auto_generated(smtp: Any) -> None:
    with receiving() as receiver:
        deliver(smtp, receiver)
        deliver(smtp, receiver)
    first, second = receiver.received
    assert (first["From"], first["To"]) == ("Shop <shop@example.com>", "ada@example.com")
    assert (first["Subject"], first.get_content_type()) == ("A subject", "text/plain")
    assert first.get_content() == TEXT
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == second["Message-ID"] == f"<{MAIL}@example.com>"


def test_a_mail_with_html_has_the_text_first(smtp: Any) -> None:
    with receiving() as receiver:
        deliver(smtp, receiver, html="<p>Some text</p>")
    (mail,) = receiver.received
    assert mail.get_content_type() == "multipart/alternative"
    parts = [(part.get_content_type(), part.get_content()) for part in mail.iter_parts()]
    assert parts == [("text/plain", TEXT), ("text/html", "<p>Some text</p>")]


def test_names_with_non_ascii_letters_arrive_unchanged(smtp: Any) -> None:
    text = "Für „Zoë O’Hara“:\n" + "ü" * 300 + "\n.\n..\nend\n"
    with receiving() as receiver:
        deliver(smtp, receiver, "zoe@exämple.com", "Ü", text)
    (got,) = receiver.received
    assert got["To"] == "zoe@xn--exmple-cua.com"
    assert (got["Subject"], got.get_content()) == ("Ü", text)


LATER = {
    "busy": {"": "421 too busy ada@example.com"},
    "greylisting": {"RCPT": "450 try later ada@example.com"},
    "no space": {"MAIL": "452 no space"},
    "trouble at the end": {".": "451 local error"},
    "hangs up at once": {"": "drop"},
    "hangs up in the middle": {"RCPT": "drop"},
    "hangs up at the end": {".": "drop"},
    "silent at once": {"": "stall"},
    "silent in the middle": {"MAIL": "stall"},
    "silent at the end": {".": "stall"},
}
NEVER = {
    "no such mailbox": {"RCPT": "550 no such user ada@example.com"},
    "a sender that may not": {"MAIL": "553 not from you"},
    "taken for spam": {".": f"554 spam: {SECRET}"},
}


@pytest.mark.parametrize("trouble", LATER)
def test_a_temporary_error_is_retried_and_each_wait_is_short(smtp: Any, trouble: str) -> None:
    smtp.EMAIL_TIMEOUT = TIMEOUT
    with receiving(**LATER[trouble]) as receiver:
        began = monotonic()
        with pytest.raises(NotSentYet) as raised:
            deliver(smtp, receiver)
        assert monotonic() - began < 10 * TIMEOUT
    says_nothing_of_the_letter(raised.value)


@pytest.mark.parametrize("trouble", NEVER)
def test_a_permanent_refusal_of_the_mail_server_is_not_retried(smtp: Any, trouble: str) -> None:
    with receiving(**NEVER[trouble]) as receiver, pytest.raises(NeverSent) as raised:
        deliver(smtp, receiver)
    says_nothing_of_the_letter(raised.value)


def says_nothing_of_the_letter(fault: NotSent) -> None:
    """Checks that the error has neither address nor text of the mail, although the server repeats
    both.
    """
    for text in (str(fault), repr(fault), repr(fault.__cause__)):
        assert "ada@example.com" not in text
        assert SECRET not in text


@pytest.mark.parametrize("end", ["drop", "stall", "500 what"])
def test_an_error_after_the_mail_was_accepted_is_ignored(smtp: Any, end: str) -> None:
    smtp.EMAIL_TIMEOUT = TIMEOUT
    with receiving(QUIT=end) as receiver:
        deliver(smtp, receiver)
    assert len(receiver.received) == 1


def test_an_unreachable_mail_server_is_retried(smtp: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotSentYet, match="ConnectionRefusedError"):
            deliver(smtp, Receiver(port=free.getsockname()[1]))


def test_refused_credentials_of_the_mail_server_are_retried(smtp: Any) -> None:
    smtp.EMAIL_HOST_USER, smtp.EMAIL_HOST_PASSWORD = "shop", "wrong"
    replies = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 no"}
    with receiving(**replies) as receiver, pytest.raises(NotSentYet, match=r"\(535\)"):
        deliver(smtp, receiver)


NOT_MAILBOXES = (
    *("a,b@example.com", "@", "<>@x.y", "a\n@b.c", "a@[example.com"),
    *("a(1)@example.com", "<a@example.com>", '"a"@example.com', "a@example.com(1)", "\u00e4@b.c"),
)
MAILBOXES = (
    *("ada@example.com", "Ada.L+1@EXAMPLE.com", "o'neill@example.com"),
    *("a@m\u00fcnchen.de", "a@M\u00dcNCHEN.de", "a@XN--mnchen-3ya.de"),
)


@pytest.mark.parametrize("address", MAILBOXES)
def test_a_valid_address_gets_mails(smtp: Any, address: str) -> None:
    with receiving() as receiver:
        deliver(smtp, receiver, address)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("address", NOT_MAILBOXES)
def test_an_address_that_mail_cannot_carry_is_not_retried(smtp: Any, address: str) -> None:
    with receiving() as receiver, pytest.raises(NeverSent):
        deliver(smtp, receiver, address)
    assert receiver.received == []
